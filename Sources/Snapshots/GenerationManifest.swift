import Storage

/// What gives the profile's columns their meaning (DESIGN §6).
package struct SpaceManifest: Sendable, Equatable, Codable {
    /// The newest schema this package reads and the one it writes.
    ///
    /// 2 knows `end_row`, without which the multi-task networks would be served rows other than those
    /// they learned from; 3 knows `scaling.safetensors`, without which columns would be served unscaled.
    package static let schema = 3

    package var schema = Self.schema
    package var id: Int64
    /// Whether the encoders' weights were trained; `refresh --untrained` makes some that were not.
    package var trained: Bool
    package var seed: UInt64
    /// The log's event times it was fitted on: from inclusive, seconds since 1970.
    package var fitFrom: Int64
    /// To, exclusive.
    package var fitTo: Int64
    /// Size and SHA-256 of each file below the directory, by its relative path.
    package var files: [String: FileDigest] = [:]
    /// Further numbers, such as layer sizes.
    package var numbers: [String: Double]
    /// The space whose encoders regularise this one's SRA and MTL; nil for a first space.
    package var previous: Int64?
    /// Names of the multi-task networks that read END after a user's rows (docs/rows.md §7); nil in a
    /// space made before there was one, whose networks do not.
    package var endRow: [String]?

    /// A manifest without files; publishing fills them in.
    package init(
        id: Int64, trained: Bool, seed: UInt64, fitFrom: Int64, fitTo: Int64,
        numbers: [String: Double] = [:], previous: Int64? = nil, endRow: [String]? = nil
    ) {
        self.id = id
        self.trained = trained
        self.seed = seed
        self.fitFrom = fitFrom
        self.fitTo = fitTo
        self.numbers = numbers
        self.previous = previous
        self.endRow = endRow
    }

    private enum CodingKeys: String, CodingKey {
        case schema, id, trained, seed, files, numbers, previous
        case endRow = "end_row"
        case fitFrom = "fit_from"
        case fitTo = "fit_to"
    }
}

/// A space plus fresh item tables, factors, heads and users' states (DESIGN §6).
package struct GenerationManifest: Sendable, Equatable, Codable {
    /// The newest schema this package reads and the one it writes.
    package static let schema = 1

    package var schema = Self.schema
    package var id: Int64
    package var space: Int64
    /// Whether the encoders' weights were trained.
    package var trained: Bool
    package var seed: UInt64
    /// The log's event times it was fitted on: from inclusive, seconds since 1970.
    package var fitFrom: Int64
    /// To, exclusive.
    package var fitTo: Int64
    /// Size and SHA-256 of each file below the directory, by its relative path.
    package var files: [String: FileDigest] = [:]
    /// Further numbers, such as counts and metrics of the gate.
    package var numbers: [String: Double]
    /// Why the gate refused it, a line each; empty or nil when it passed, or was not asked.
    ///
    /// A refused generation is kept and not activated by itself.
    package var refusals: [String]?

    /// A manifest without files; publishing fills them in.
    package init(
        id: Int64, space: Int64, trained: Bool, seed: UInt64, fitFrom: Int64, fitTo: Int64,
        numbers: [String: Double] = [:], refusals: [String]? = nil
    ) {
        self.id = id
        self.space = space
        self.trained = trained
        self.seed = seed
        self.fitFrom = fitFrom
        self.fitTo = fitTo
        self.numbers = numbers
        self.refusals = refusals
    }

    /// Whether a daemon may take it over by itself.
    package var isAccepted: Bool { refusals?.isEmpty ?? true }

    private enum CodingKeys: String, CodingKey {
        case schema, id, space, trained, seed, files, numbers, refusals
        case fitFrom = "fit_from"
        case fitTo = "fit_to"
    }
}

/// A space whose files were read and agree with its manifest.
package struct PublishedSpace: Sendable, Equatable {
    package let manifest: SpaceManifest
    /// Its directory.
    package let path: String
    package let manifestSHA256: String
}

/// A generation whose files were read and agree with its manifest, and its space.
package struct PublishedGeneration: Sendable, Equatable {
    package let manifest: GenerationManifest
    /// Its directory.
    package let path: String
    package let manifestSHA256: String
    package let space: PublishedSpace
}

/// What both manifests have, so that one piece of code publishes and verifies them.
protocol DirectoryManifest: Codable, Sendable {
    static var schema: Int { get }
    var id: Int64 { get set }
    var files: [String: FileDigest] { get set }
    var numbers: [String: Double] { get }
}

extension SpaceManifest: DirectoryManifest {}
extension GenerationManifest: DirectoryManifest {}

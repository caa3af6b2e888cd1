import EventLog
import Profiles
import Storage

extension ProfileLayout.Part {
    /// The width of the profile that `parts` make up.
    ///
    /// - Throws: `badParts` unless they follow on each other from column 0 under different names.
    static func width(of parts: [Self]) throws(SnapshotError) -> Int {
        var end = 0
        var names: Set<String> = []
        for part in parts {
            if part.start != end || part.end <= part.start {
                throw .badParts("'\(part.name)' is \(part.start)..<\(part.end) after column \(end)")
            }
            if !names.insert(part.name).inserted { throw .badParts("'\(part.name)' twice") }
            end = part.end
        }
        if end == 0 { throw .badParts("there is none") }
        return end
    }
}

/// Who is in a snapshot.
package enum SnapshotPopulation: Sendable, Hashable, Codable {
    /// Users with an event in this many days before `as_of`.
    case activeDays(Int)
    /// Exactly the users of a list, so many of them.
    case list(count: Int64)

    private enum CodingKeys: String, CodingKey {
        case activeDays = "active_days"
        case list
    }

    /// Reads `{"active_days": n}` or `{"list": n}`.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let days = try container.decodeIfPresent(Int.self, forKey: .activeDays) {
            self = .activeDays(days)
        } else {
            self = .list(count: try container.decode(Int64.self, forKey: .list))
        }
    }

    /// Writes one key.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .activeDays(let days): try container.encode(days, forKey: .activeDays)
        case .list(let count): try container.encode(count, forKey: .list)
        }
    }
}

/// The space's target lists: what the first columns of the BPR parts are scores of, in order.
package struct SnapshotTargets: Sendable, Hashable, Codable {
    package var categories: [Int64]
    package var items: [Int64]

    package init(categories: [Int64], items: [Int64]) {
        self.categories = categories
        self.items = items
    }

    private enum CodingKeys: String, CodingKey {
        case categories, items
    }

    /// Reads lists of decimal strings.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func ids(_ key: CodingKeys) throws -> [Int64] {
            try container.decode([String].self, forKey: key).map { text in
                guard let id = Int64(text) else {
                    throw DecodingError.dataCorruptedError(
                        forKey: key, in: container, debugDescription: "'\(text)' is no id")
                }
                return id
            }
        }
        categories = try ids(.categories)
        items = try ids(.items)
    }

    /// Writes ids as strings: JSON tools lose integers above 2⁵³.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(categories.map(String.init), forKey: .categories)
        try container.encode(items.map(String.init), forKey: .items)
    }
}

/// What a snapshot holds; everything in it is a function of the log, never of the wall clock.
package struct SnapshotManifest: Sendable, Equatable, Codable {
    /// The newest schema this package reads and the one it writes.
    package static let schema = 1

    package var schema = Self.schema
    package var version: Int64
    /// The newest snapshot when this one was begun; nil for the first.
    package var parent: Int64?
    package var space: Int64
    package var generation: Int64
    /// Whether the encoders' weights were trained.
    package var trained: Bool
    /// Versions of fine-tuned heads and factors; nil while the generation's own are in use.
    package var heads: Int64?
    package var factors: Int64?
    /// The profile's parts in column order.
    package var parts: [ProfileLayout.Part]
    /// Of the space; nil in a snapshot of a version that did not say.
    package var targets: SnapshotTargets?
    package var cursor: Cursor
    /// Event time the profiles speak for, seconds since 1970; nil before the log clock exists.
    package var asOf: Int64?
    package var users: Int64
    /// Columns of `embeddings.npy`.
    package var width: Int
    /// Size and SHA-256 of each file beside the manifest.
    package var files: [String: FileDigest]
    package var population: SnapshotPopulation
    package var metrics: [String: Double]
    /// How often the files were rewritten after publication, for erasures.
    package var revision: Int64
    /// Log offsets of the erasures that these files honour.
    package var erasures: [LogOffset]

    private enum CodingKeys: String, CodingKey {
        case schema, version, parent, space, generation, trained, heads, factors, parts, targets
        case cursor, users, width, files, population, metrics, revision, erasures
        case asOf = "as_of"
    }

    /// Writes every key, null for what is nil.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(schema, forKey: .schema)
        try container.encode(version, forKey: .version)
        // Written even when nil: a reader in another language finds every key.
        try container.encode(parent, forKey: .parent)
        try container.encode(space, forKey: .space)
        try container.encode(generation, forKey: .generation)
        try container.encode(trained, forKey: .trained)
        try container.encode(heads, forKey: .heads)
        try container.encode(factors, forKey: .factors)
        try container.encode(parts, forKey: .parts)
        try container.encode(targets, forKey: .targets)
        try container.encode(cursor, forKey: .cursor)
        try container.encode(asOf, forKey: .asOf)
        try container.encode(users, forKey: .users)
        try container.encode(width, forKey: .width)
        try container.encode(files, forKey: .files)
        try container.encode(population, forKey: .population)
        try container.encode(metrics, forKey: .metrics)
        try container.encode(revision, forKey: .revision)
        try container.encode(erasures, forKey: .erasures)
    }

    /// Bytes of all files, the manifest excepted.
    package var byteCount: Int64 { files.values.reduce(0) { $0 + $1.byteCount } }
}

/// What the pipeline knows of a snapshot before its first row.
package struct SnapshotPlan: Sendable {
    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    package var heads: Int64?
    package var factors: Int64?
    /// The profile's parts in column order, without a gap.
    package var parts: [ProfileLayout.Part]
    package var targets: SnapshotTargets?
    package var cursor: Cursor
    /// Event time the profiles speak for, seconds since 1970.
    package var asOf: Int64?
    package var population: SnapshotPopulation
    /// About how many users will come, to ask for disk space before the first is written.
    package var expectedUsers: Int64
    /// Log offsets of the erasures that the state honours.
    package var erasures: [LogOffset] = []

    /// A plan without fine-tuned heads and factors and without erasures.
    package init(
        space: Int64, generation: Int64, trained: Bool, parts: [ProfileLayout.Part],
        targets: SnapshotTargets?, cursor: Cursor, asOf: Int64?, population: SnapshotPopulation,
        expectedUsers: Int64
    ) {
        self.space = space
        self.generation = generation
        self.trained = trained
        self.parts = parts
        self.targets = targets
        self.cursor = cursor
        self.asOf = asOf
        self.population = population
        self.expectedUsers = expectedUsers
    }
}

/// Names of the files of a snapshot.
enum SnapshotFiles {
    static let users = "client_ids.npy"
    static let embeddings = "embeddings.npy"
    static let manifest = "manifest.json"
}

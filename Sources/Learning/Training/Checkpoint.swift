import Kernels
import Storage

/// Everything a training needs to go on as if it had never stopped.
///
/// A safetensors file: the weights under PyTorch's names, the optimiser's moments as `first/NAME`
/// and `second/NAME`, the best epoch's weights as `best/NAME`. Its metadata holds the place, the
/// settings the training belongs to, and a checksum over all of it.
struct Checkpoint {
    private static let stateKey = "state"
    private static let settingsKey = "settings"
    private static let checksumKey = "checksum"

    var state: TrainingState
    /// As `TrainerOptions.lines`.
    var settings: [String]
    var weights: Matrix<Float>
    var first: Matrix<Float>
    var second: Matrix<Float>
    /// Nil while no epoch was the best.
    var best: Matrix<Float>?

    /// Makes it the file at `path`, whole or not at all.
    func write(
        to path: String, layout: ParameterLayout, on host: Host
    ) throws(LearningError) {
        var tensors = Self.named(layout.tensors(weights), "")
        tensors += Self.named(layout.tensors(first), "first/")
        tensors += Self.named(layout.tensors(second), "second/")
        if let best { tensors += Self.named(layout.tensors(best), "best/") }
        var metadata = [
            Self.stateKey: state.encoded().hexadecimal,
            Self.settingsKey: settings.joined(separator: "\n"),
        ]
        metadata[Self.checksumKey] = Self.checksum(metadata, tensors)
        do {
            try AtomicFile.write(
                try SafetensorsFile(tensors, metadata: metadata).encoded(), to: path, on: host)
        } catch let error as StorageError {
            throw .storage(error)
        } catch {
            throw .damagedCheckpoint(path: path, reason: "\(error)")
        }
    }

    /// Reads a checkpoint; nil when there is none.
    ///
    /// - Parameters:
    ///   - path: where it was written.
    ///   - layout: of the network.
    ///   - settings: it must belong to.
    ///   - disk: where it is.
    /// - Throws: `foreignCheckpoint` when it belongs to other settings, `damagedCheckpoint` when it
    ///   is not what was written, `storage`.
    init?(
        _ path: String, layout: ParameterLayout, settings: [String], on disk: any Disk
    ) throws(LearningError) {
        guard let (tensors, metadata) = try Self.read(path, on: disk) else { return nil }
        let lines = (metadata[Self.settingsKey] ?? "").split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        guard lines == settings else {
            throw .foreignCheckpoint(
                path: path, differences: Self.differences(lines, settings))
        }
        do {
            state = try TrainingState(decoding: Self.bytes(metadata[Self.stateKey] ?? ""))
            weights = try layout.weights(tensors.filter { !$0.name.contains("/") })
            first = try layout.weights(Self.tensors(tensors, "first/"))
            second = try layout.weights(Self.tensors(tensors, "second/"))
            let best = Self.tensors(tensors, "best/")
            self.best = best.isEmpty ? nil : try layout.weights(best)
        } catch {
            throw .damagedCheckpoint(path: path, reason: "\(error)")
        }
        self.settings = settings
    }

    init(
        state: TrainingState, settings: [String], weights: Matrix<Float>, first: Matrix<Float>,
        second: Matrix<Float>, best: Matrix<Float>?
    ) {
        self.state = state
        self.settings = settings
        self.weights = weights
        self.first = first
        self.second = second
        self.best = best
    }

    private static func read(
        _ path: String, on disk: any Disk
    ) throws(LearningError) -> (tensors: [NamedTensor], metadata: [String: String])? {
        let file: SafetensorsFile
        do throws(StorageError) {
            guard try disk.status(path) != nil else { return nil }
            file = try SafetensorsFile.read(path, on: disk)
        } catch {
            guard case .malformed(_, let reason) = error else { throw .storage(error) }
            throw .damagedCheckpoint(path: path, reason: reason)
        }
        guard let tensors = try? file.floats() else {
            throw .damagedCheckpoint(path: path, reason: "a tensor that is not Float32")
        }
        var metadata = file.metadata
        guard let checksum = metadata.removeValue(forKey: checksumKey),
            checksum == Self.checksum(metadata, tensors)
        else { throw .damagedCheckpoint(path: path, reason: "the checksum is wrong") }
        return (tensors, metadata)
    }

    /// FNV-1a over metadata and tensors, both by name.
    private static func checksum(
        _ metadata: [String: String], _ tensors: [NamedTensor]
    ) -> String {
        var hash = StableHash64()
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            hash.update(Array("\(key)\n\(value)\n".utf8).span)
        }
        for tensor in tensors.sorted(by: { $0.name < $1.name }) {
            hash.update(Array("\(tensor.name)\(tensor.shape)".utf8).span)
            for value in tensor.values { hash.update(UInt64(value.bitPattern)) }
        }
        return String(hash.value, radix: 16)
    }

    private static func named(_ tensors: [NamedTensor], _ prefix: String) -> [NamedTensor] {
        tensors.map {
            NamedTensor(name: prefix + $0.name, shape: $0.shape, values: $0.values)
        }
    }

    private static func tensors(_ tensors: [NamedTensor], _ prefix: String) -> [NamedTensor] {
        tensors.filter { $0.name.hasPrefix(prefix) }.map {
            NamedTensor(
                name: String($0.name.dropFirst(prefix.count)), shape: $0.shape, values: $0.values)
        }
    }

    /// What the checkpoint says where these settings say something else.
    private static func differences(_ lines: [String], _ settings: [String]) -> [String] {
        let kept = Set(settings)
        let found = Set(lines)
        return lines.filter { !kept.contains($0) }.map { "it has \($0)" }
            + settings.filter { !found.contains($0) }.map { "wanted is \($0)" }
    }

    /// The bytes of pairs of hexadecimal digits; stops at the first that is none.
    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}

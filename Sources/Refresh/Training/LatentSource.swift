import Learning
import Storage

/// Latent vectors and labels of examples, for the training of heads: in memory, or in a file that is
/// read a batch at a time.
package struct LatentSource: ExampleSource {
    /// Where z is, `[count, Z]` Float32; in a file little-endian.
    enum Place: Sendable {
        case memory([Float])
        case file(any DiskFile, path: String)
    }

    /// Of the examples and of every bit of z: a checkpoint belongs to one encoder's.
    package let fingerprint: UInt64
    private let width: Int
    private let place: Place
    private let labels: [TaskLabels]
    private let host: Host

    init(
        width: Int, place: Place, labels: [TaskLabels], fingerprint: UInt64, on host: Host
    ) {
        self.width = width
        self.place = place
        self.labels = labels
        self.fingerprint = fingerprint
        self.host = host
    }

    package var count: Int { labels.count }

    /// Heads read one vector of everybody.
    package func rowCount(_ index: Int) -> Int { 1 }

    /// Examples without rows, but with z and labels.
    package func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample] {
        var examples: [TrainingExample] = []
        examples.reserveCapacity(indices.count)
        for index in indices {
            examples.append(
                TrainingExample(rows: [], labels: labels[index], latents: try latents(index)))
        }
        return examples
    }

    /// Removes the file; the examples cannot be read afterwards.
    package func remove() {
        // What cannot be removed is written anew by the next run.
        if case .file(_, let path) = place { try? host.disk.remove(path) }
    }

    private func latents(_ index: Int) throws(LearningError) -> [Float] {
        switch place {
        case .memory(let all): Array(all[index * width..<(index + 1) * width])
        case .file(let file, let path): try latents(index, file, path)
        }
    }

    private func latents(
        _ index: Int, _ file: any DiskFile, _ path: String
    ) throws(LearningError) -> [Float] {
        let start = Int64(index) * Int64(4 * width)
        var bytes: [UInt8] = []
        while bytes.count < 4 * width {
            let read: Int
            do throws(StorageError) {
                read = try file.read(
                    4 * width - bytes.count, at: start + Int64(bytes.count), into: &bytes)
            } catch {
                throw .storage(error)
            }
            guard read > 0 else {
                throw .truncatedExamples(
                    path: path, byteCount: start + Int64(bytes.count),
                    wanted: Int64(count) * Int64(4 * width))
            }
        }
        return stride(from: 0, to: 4 * width, by: 4).map { place in
            let bits = (0..<4).reduce(UInt32(0)) {
                $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1)
            }
            return Float(bitPattern: bits)
        }
    }
}

/// Gathers a `LatentSource`.
struct LatentWriter {
    private let width: Int
    private let host: Host
    private let file: (any DiskFile)?
    private let path: String
    private var memory: [Float] = []
    private var labels: [TaskLabels] = []
    private var hash = StableHash64()

    /// - Parameters:
    ///   - width: Z.
    ///   - count: examples to come.
    ///   - spillPath: where z is kept; nil keeps it in memory.
    ///   - host: where the path is.
    /// - Throws: `storage` when the file cannot be made.
    init(width: Int, count: Int, spillPath: String?, on host: Host) throws(LearningError) {
        self.width = width
        self.host = host
        path = spillPath ?? ""
        do throws(StorageError) {
            if let spillPath {
                // What an earlier run left behind.
                try host.disk.remove(spillPath)
                file = try host.disk.open(spillPath, .create)
            } else {
                file = nil
            }
        } catch {
            throw .storage(error)
        }
        if spillPath == nil { memory.reserveCapacity(count * width) }
        labels.reserveCapacity(count)
    }

    /// Examples so far.
    var count: Int { labels.count }

    /// Appends the next examples.
    mutating func append(_ part: LatentPart) throws(LearningError) {
        precondition(
            part.latents.count == part.labels.count * width, "LatentWriter: parts of two widths")
        for value in part.latents { hash.update(UInt64(value.bitPattern)) }
        if let file {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(4 * part.latents.count)
            for value in part.latents {
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
                }
            }
            do throws(StorageError) {
                try file.write(bytes, at: Int64(labels.count) * Int64(4 * width))
            } catch {
                throw .storage(error)
            }
        } else {
            memory += part.latents
        }
        labels += part.labels
    }

    /// What was gathered of the file of examples with that fingerprint.
    func source(of examples: UInt64) -> LatentSource {
        LatentSource(
            width: width, place: file.map { .file($0, path: path) } ?? .memory(memory),
            labels: labels, fingerprint: SeededRandom.mix(examples ^ SeededRandom.mix(hash.value)),
            on: host)
    }

    /// Removes what was written so far.
    func abandon() {
        // What cannot be removed is written anew by the next run.
        if file != nil { try? host.disk.remove(path) }
    }
}

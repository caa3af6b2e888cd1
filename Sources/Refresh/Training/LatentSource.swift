import Learning
import Storage

/// Latent vectors and labels of examples, for the training of heads: in memory, or in a file that is
/// read a batch at a time.
///
/// Filled by one task before it is shared, and only read afterwards.
// Sendable because nothing writes once `seal` was called, and nobody else has it before.
package final class LatentSource: ExampleSource, @unchecked Sendable {
    package let count: Int
    /// Of the examples and of every bit of z: a checkpoint belongs to one encoder's.
    package private(set) var fingerprint: UInt64 = 0
    private let width: Int
    private let host: Host
    private let path: String?
    private let file: (any DiskFile)?
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
        self.count = count
        self.host = host
        path = spillPath
        do throws(StorageError) {
            if let spillPath {
                // What an earlier run left behind.
                try host.disk.remove(spillPath)
                file = try host.disk.open(spillPath, .create)
            } else {
                file = nil
                memory.reserveCapacity(count * width)
            }
        } catch {
            throw .storage(error)
        }
        labels.reserveCapacity(count)
    }

    /// Examples so far.
    var filledCount: Int { labels.count }

    /// Appends the next examples.
    func append(_ part: LatentPart) throws(LearningError) {
        precondition(
            part.latents.count == part.labels.count * width, "LatentSource: parts of two widths")
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

    /// Ends the filling.
    func seal(_ examples: UInt64) {
        precondition(labels.count == count, "LatentSource: \(labels.count) of \(count)")
        fingerprint = SeededRandom.mix(examples ^ SeededRandom.mix(hash.value))
    }

    /// Heads read one vector of everybody.
    package func rowCount(_ index: Int) -> Int { 1 }

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
        if let path { try? host.disk.remove(path) }
    }

    private func latents(_ index: Int) throws(LearningError) -> [Float] {
        guard let file else { return Array(memory[index * width..<(index + 1) * width]) }
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
                    path: path ?? "", byteCount: start + Int64(bytes.count),
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

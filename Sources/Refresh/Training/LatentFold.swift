import Encoders
import Features
import Kernels
import Learning
import Storage

/// Reads examples once by a frozen encoder and keeps z and the labels of each.
///
/// Threads take runs of examples; a user's z is the user's own, bit for bit, so they change nothing.
package struct LatentFold {
    /// Examples that are read side by side.
    private static let runLength = 256

    private let host: Host
    private let examples: ExampleFile
    private let places: [Int]
    private let encoder: MTLEncoder
    private let options: HeadTraining.Options
    private let name: EncoderName

    /// - Parameters:
    ///   - host: where examples are, and the file of latent vectors will be.
    ///   - examples: with labels.
    ///   - places: which of them, in this order.
    ///   - encoder: frozen.
    ///   - options: N, threads and memory.
    ///   - name: of the encoder, for errors.
    package init(
        host: Host, examples: ExampleFile, places: [Int], encoder: MTLEncoder,
        options: HeadTraining.Options, name: EncoderName
    ) {
        self.host = host
        self.examples = examples
        self.places = places
        self.encoder = encoder
        self.options = options
        self.name = name
    }

    /// Reads all of them.
    package func run(
        _ progress: (HeadTraining.Progress) -> Void
    ) async throws(LearningError) -> LatentSource {
        let training = options.training
        let workers = (0..<max(1, training.threadCount)).map {
            LatentWorker(
                name: "latents-\($0)", niceness: training.niceness, examples: examples,
                encoder: encoder, rowWindow: training.rowWindow,
                readsEndRow: training.readsEndRow, network: self.name)
        }
        defer { for worker in workers { worker.stop() } }
        let byteCount = Int64(places.count) * Int64(encoder.latentWidth) * 4
        var writer = try LatentWriter(
            width: encoder.latentWidth, count: places.count,
            spillPath: byteCount > options.memoryByteCount ? options.spillPath : nil, on: host)
        do throws(LearningError) {
            try await fill(&writer, workers, progress)
        } catch {
            writer.abandon()
            throw error
        }
        return writer.source(of: examples.fingerprint)
    }

    private func fill(
        _ writer: inout LatentWriter, _ workers: [LatentWorker],
        _ progress: (HeadTraining.Progress) -> Void
    ) async throws(LearningError) {
        let start = host.clock.monotonicNanoseconds()
        let runs = stride(from: 0, to: places.count, by: Self.runLength).map {
            Array(places[$0..<min(places.count, $0 + Self.runLength)])
        }
        for first in stride(from: 0, to: runs.count, by: workers.count) {
            guard !Task.isCancelled else {
                throw .cancelled(network: "\(name.rawValue)-heads", epoch: 0, step: 0)
            }
            let round = runs[first..<min(runs.count, first + workers.count)]
            for part in await Self.read(Array(round), workers) {
                switch part {
                case .success(let part): try writer.append(part)
                case .failure(let error): throw error
                }
            }
            let seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
            let done = writer.count
            progress(
                .encoding(
                    done: done, count: places.count,
                    secondsLeft: seconds / Double(done) * Double(places.count - done)))
        }
    }

    /// One run a worker, in the order of the runs.
    private static func read(
        _ runs: [[Int]], _ workers: [LatentWorker]
    ) async -> [Result<LatentPart, LearningError>] {
        await withTaskGroup(of: (Int, Result<LatentPart, LearningError>).self) { group in
            for (index, run) in runs.enumerated() {
                let worker = workers[index]
                group.addTask { (index, await worker.read(run)) }
            }
            var parts: [(Int, Result<LatentPart, LearningError>)] = []
            for await part in group { parts.append(part) }
            return parts.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

/// What some examples came to.
struct LatentPart: Sendable {
    /// `[B, Z]`.
    var latents: [Float]
    /// `[B]`.
    var labels: [TaskLabels]
}

/// One thread that runs the encoder.
private actor LatentWorker {
    private nonisolated let executor: ThreadExecutor
    private let examples: ExampleFile
    private let encoder: MTLEncoder
    private let rowWindow: Int
    private let readsEndRow: Bool
    private let network: EncoderName
    private var scratch: MTLScratch

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        name: String, niceness: Int32, examples: ExampleFile, encoder: MTLEncoder, rowWindow: Int,
        readsEndRow: Bool, network: EncoderName
    ) {
        executor = ThreadExecutor(name: name, niceness: niceness)
        self.examples = examples
        self.encoder = encoder
        self.rowWindow = rowWindow
        self.readsEndRow = readsEndRow
        self.network = network
        scratch = encoder.makeScratch()
    }

    func read(_ places: [Int]) -> Result<LatentPart, LearningError> {
        let examples: [TrainingExample]
        do throws(LearningError) {
            examples = try self.examples.examples(places)
        } catch {
            return .failure(error)
        }
        let lengths = examples.map { $0.rows.count / RowLayout.width }
        var rows: [UInt16] = []
        for (place, example) in zip(places, examples) {
            guard let read = example.latestRows(rowWindow, readsEndRow: readsEndRow) else {
                return .failure(
                    .unfitExample(
                        network: "\(network.rawValue)-heads", example: place,
                        user: self.examples.owner(place), reason: LatestRows.missingEndRow))
            }
            rows += read
        }
        let states = statesBeforeWindows(examples, lengths)
        let outputs = encoder.encode(
            rows: rows.span, lengths: lengths.map { min($0, rowWindow) + (readsEndRow ? 1 : 0) },
            states: states.span)
        let labels = examples.indices.map { index in
            guard let labels = examples[index].labels else {
                preconditionFailure("HeadTraining: example \(places[index]) has no labels")
            }
            return labels
        }
        return .success(LatentPart(latents: outputs.latents, labels: labels))
    }

    nonisolated func stop() { executor.stop() }

    /// `[B, S]` after the rows that stand before each user's last N; empty when there are none.
    private func statesBeforeWindows(
        _ examples: [TrainingExample], _ lengths: [Int]
    ) -> [Float] {
        let order = lengths.indices.filter { lengths[$0] > rowWindow }
            .sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        guard let longest = order.first else { return [] }
        let width = encoder.stateWidth
        var sorted = [Float](repeating: 0, count: order.count * width)
        var active = order.count
        for step in 0..<lengths[longest] - rowWindow {
            while lengths[order[active - 1]] - rowWindow <= step { active -= 1 }
            var wave: [UInt16] = []
            for user in order[..<active] {
                let start = step * RowLayout.width
                wave += examples[user].rows[start..<start + RowLayout.width]
            }
            var span = sorted.mutableSpan
            var prefix = span._mutatingExtracting(first: active * width)
            encoder.step(rows: wave.span, states: &prefix, scratch: &scratch)
        }
        var states = [Float](repeating: 0, count: examples.count * width)
        for (place, user) in order.enumerated() {
            states.replaceSubrange(
                user * width..<(user + 1) * width,
                with: sorted[place * width..<(place + 1) * width])
        }
        return states
    }
}

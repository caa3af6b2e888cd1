import Foundation
import Storage
import Synchronization

/// How far a refresh is, as `progress.json` of its directory says it to everybody else.
package struct JobProgress: Sendable, Equatable, Codable {
    /// What has become of it.
    package enum State: String, Sendable, Codable {
        case running
        /// It stopped, by an error or because it was told to; the next call goes on.
        case failed
        case done
    }

    package var state = State.running
    /// What is being done, in words, and its number of so many, from 1; 0 while it is planned.
    package var step = "plan"
    package var stepIndex = 0
    package var stepCount = 0
    /// Share of the step that is done, 0…1.
    package var fraction = 0.0
    /// Further words, such as a rate.
    package var detail = ""
    /// Until the step ends; nil while unknown.
    package var secondsLeft: Double?
    /// Times of day, seconds since 1970.
    package var started: Int64
    package var updated: Int64
    package var pid: Int32
    package var error: String?
    /// What was made, once it is there.
    package var generation: Int64?

    enum CodingKeys: String, CodingKey {
        case state, step, fraction, detail, started, updated, pid, error, generation
        case stepIndex = "step_index"
        case stepCount = "step_count"
        case secondsLeft = "seconds_left"
    }

    /// Reads the last word of the refresh of a state directory; nil when there never was one.
    package static func read(stateDirectory: String, on disk: any Disk) -> JobProgress? {
        let path = stateDirectory + "/refresh/progress.json"
        guard let bytes = try? disk.bytes(of: path, limit: 1 << 20) else { return nil }
        return try? JSONDecoder().decode(JobProgress.self, from: Data(bytes))
    }

    /// As it is shown on a terminal.
    package var text: String {
        var line = stepIndex > 0 ? "step \(stepIndex) of \(stepCount), \(step): " : "\(step): "
        if !detail.isEmpty { line += detail + ", " }
        line += "\(Int(fraction * 100)) %"
        if let secondsLeft, secondsLeft.isFinite { line += ", \(Self.time(secondsLeft)) left" }
        return line
    }

    private static func time(_ seconds: Double) -> String {
        if seconds < 90 { return "\(Int(seconds.rounded(.up))) s" }
        if seconds < 5400 { return "\(Int((seconds / 60).rounded(.up))) min" }
        return "\((seconds / 360).rounded() / 10) h"
    }

    fileprivate func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers, of which each is finite, and texts always encode.
        return (try? encoder.encode(self)).map { Array($0) + [UInt8(ascii: "\n")] } ?? []
    }
}

/// Takes the progress of steps from any thread, shows it and leaves it in a file: at a step's
/// start and end, and at most once a second in between.
final class JobReporter: Sendable {
    private struct Told {
        var progress: JobProgress
        var nanoseconds: UInt64 = 0
    }

    private let host: Storage.Host
    private let path: String
    private let show: @Sendable (JobProgress) -> Void
    private let told: Mutex<Told>

    init(
        host: Storage.Host, path: String, started: Int64? = nil,
        show: @escaping @Sendable (JobProgress) -> Void
    ) {
        self.host = host
        self.path = path
        self.show = show
        let now = host.clock.seconds()
        told = Mutex(
            Told(
                progress: JobProgress(
                    started: started ?? now, updated: now, pid: CurrentProcess.id)))
    }

    /// Begins a step.
    func begin(_ title: String, index: Int, count: Int) {
        tell(isDue: true) { progress in
            progress.step = title
            progress.stepIndex = index
            progress.stepCount = count
            progress.fraction = 0
            progress.detail = ""
            progress.secondsLeft = nil
        }
    }

    /// Notes how far the step is.
    func note(_ fraction: Double, detail: String = "", secondsLeft: Double? = nil) {
        tell(isDue: false) { progress in
            progress.fraction = fraction.isFinite ? min(1, max(0, fraction)) : 0
            progress.detail = detail
            progress.secondsLeft = secondsLeft.flatMap { $0.isFinite ? max(0, $0) : nil }
        }
    }

    /// Notes how it ended.
    func end(_ state: JobProgress.State, error: String? = nil, generation: Int64? = nil) {
        tell(isDue: true) { progress in
            progress.state = state
            progress.error = error
            progress.generation = generation
            if state == .done { progress.fraction = 1 }
            progress.secondsLeft = nil
        }
    }

    private func tell(isDue: Bool, _ change: (inout JobProgress) -> Void) {
        told.withLock { told in
            let now = host.clock.monotonicNanoseconds()
            change(&told.progress)
            guard isDue || now - told.nanoseconds >= 1_000_000_000 else { return }
            told.nanoseconds = now
            told.progress.updated = host.clock.seconds()
            show(told.progress)
            // For others to look at; the refresh itself does not hang on it.
            try? AtomicFile.write(told.progress.encoded(), to: path, on: host)
        }
    }
}

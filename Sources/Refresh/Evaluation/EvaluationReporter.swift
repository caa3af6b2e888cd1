import Evaluation
import Storage
import Synchronization

/// How far an evaluation is.
package struct EvaluationStep: Sendable, Equatable {
    /// What is being done, in words.
    package var step: String
    /// Share of the step that is done, 0…1.
    package var fraction = 0.0
    /// Further words.
    package var detail = ""
    /// How far its present part is, of a step that has parts, in words.
    package var part = ""
    /// Until the step ends; nil while unknown.
    package var secondsLeft: Double?

    /// As it is shown on a terminal.
    package var text: String {
        var line = step + ": "
        // Which number is whose must be plain: the part speaks first, the whole behind it.
        if !part.isEmpty { line += part + "; in all " }
        if !detail.isEmpty { line += detail + ", " }
        line += "\(Int(fraction * 100)) %"
        guard let left = secondsLeft, left.isFinite, left < 1e7 else { return line }
        return line + (left < 90 ? ", \(Int(left.rounded(.up))) s" : ", \(Int(left / 60) + 1) min")
            + " left"
    }
}

/// Takes progress from any thread; shows it at a step's start and at most once a second.
final class EvaluationReporter: Sendable {
    private struct Told {
        var step = EvaluationStep(step: "")
        var nanoseconds: UInt64 = 0
        var began: UInt64 = 0
    }

    private let clock: any Clock
    private let show: @Sendable (EvaluationStep) -> Void
    private let told = Mutex(Told())

    init(_ clock: any Clock, show: @escaping @Sendable (EvaluationStep) -> Void) {
        self.clock = clock
        self.show = show
    }

    /// Begins a step.
    func begin(_ step: String) {
        told.withLock { told in
            told.step = EvaluationStep(step: step)
            told.began = clock.monotonicNanoseconds()
            told.nanoseconds = told.began
            show(told.step)
        }
    }

    /// Notes how far the step is; the time left follows from the time it took so far unless it is
    /// given.
    func note(
        _ fraction: Double, detail: String = "", part: String = "", secondsLeft: Double? = nil
    ) {
        told.withLock { told in
            let now = clock.monotonicNanoseconds()
            guard now - told.nanoseconds >= 1_000_000_000 else { return }
            told.nanoseconds = now
            let done = fraction.isFinite ? min(1, max(0, fraction)) : 0
            let elapsed = Double(now - told.began) / 1e9
            told.step.fraction = done
            told.step.detail = detail
            told.step.part = part
            told.step.secondsLeft = secondsLeft ?? (done > 0.02 ? elapsed / done - elapsed : nil)
            show(told.step)
        }
    }
}

/// How far the tasks of a row are, that are trained side by side.
final class TaskShares: Sendable {
    private let done: Mutex<[EvaluationTask: Double]>

    init(_ tasks: [EvaluationTask]) {
        done = Mutex(Dictionary(tasks.map { ($0, 0) }) { first, _ in first })
    }

    /// Notes one task's progress; the sum of all tasks' shares, each 0…1.
    func note(_ progress: EvaluationProgress) -> Double {
        let epoch = Double(progress.done) / Double(max(1, progress.total))
        let share = (Double(progress.epoch) + epoch) / Double(max(1, progress.epochCount))
        return done.withLock { done in
            done[progress.task] = max(done[progress.task] ?? 0, min(1, share))
            return EvaluationTask.allCases.reduce(0) { $0 + (done[$1] ?? 0) }
        }
    }
}

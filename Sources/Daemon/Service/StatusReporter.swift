import EventLog
import Logging
import Pipeline
import ServiceLifecycle
import Storage

/// Tells systemd how far the pipeline is: ready once it answers, then lag and ETA.
///
/// The watchdog is fed only when the pipeline has answered and has gone on since the last time: its
/// rounds need its own thread, that of the reader and, when a commit is due, the disk. The timer here
/// only says when to look. So a pipeline of which one thread hangs is noticed. What comes under
/// `degraded`, and what is over, goes to the journal.
struct StatusReporter: Service {
    let service: any ProfileService
    let serviceManager: ServiceManager
    let clock: any Storage.Clock
    let logger: Logger
    /// Is told when the daemon is ready, and says why a reload was refused.
    var reloader: Reloader?

    /// Between two looks, at most; a third of the watchdog's time when that is shorter.
    private static let standardMilliseconds: UInt64 = 3000

    /// How long systemd waits for the next answer while starting or stopping.
    private static let patience = ServiceManager.Notice.extendTimeout(microseconds: 60_000_000)

    func run() async throws {
        let period = min(
            Self.standardMilliseconds,
            max(10, (serviceManager.watchdogMicroseconds ?? .max) / 3000))
        serviceManager.send(.status("Recovering"))
        await cancelWhenGracefulShutdown {
            var last: Sent?
            var degraded = DegradedJournal()
            while !Task.isCancelled {
                last = await report(after: last, noting: &degraded)
                do { try await Task.sleep(for: .milliseconds(period)) } catch { return }
            }
        }
    }

    /// What was said last.
    private struct Sent {
        var line: String
        var progress: Progress
        /// Whether READY was among it.
        var isReady: Bool
    }

    /// What moves as long as a pipeline is at work, whether or not there is anything to read.
    struct Progress: Equatable {
        let generation: Int64
        let rounds: Int64
        let applied: LogOffset
        let committed: LogOffset

        init(_ report: StatusReport) {
            generation = report.generation
            rounds = report.rounds
            applied = report.applied.recordCount
            committed = report.committed.recordCount
        }
    }

    /// Sends what has changed since `last`, nil at the start; returns what stands now.
    private func report(after last: Sent?, noting degraded: inout DegradedJournal) async -> Sent? {
        do throws(PipelineError) {
            var report = try await service.status()
            // A refused reload is in the journal already, as an error.
            degraded.note(report.degraded, to: logger)
            if let problem = reloader?.problem { report.degraded.append(problem) }
            let progress = Progress(report)
            var sent = Sent(
                line: Self.line(report), progress: progress, isReady: last?.isReady ?? false)
            let hasMoved = progress != last?.progress
            var notices: [ServiceManager.Notice] = []
            if sent.line != last?.line { notices.append(.status(sent.line)) }
            if hasMoved { notices.append(.watchdog) }
            switch report.state {
            case "recovering":
                // It answers, so it is at work; systemd is told to have patience.
                notices.append(Self.patience)
            case "draining":
                if hasMoved { notices.append(Self.patience) }
            default:
                if !sent.isReady {
                    let line = DegradedJournal.withoutUsers(sent.line)
                    logger.notice("ready", metadata: ["status": "\(line)"])
                    notices.insert(.ready, at: 0)
                    sent.isReady = true
                    reloader?.noteReady()
                }
            }
            // What was lost is said again.
            let isTaken = notices.isEmpty || serviceManager.send(notices)
            return isTaken || !serviceManager.isPresent ? sent : last
        } catch {
            logger.debug("no status yet", metadata: ["error": "\(error)"])
            return last
        }
    }

    /// One line on how things are, as `systemctl status` shows it.
    static func line(_ report: StatusReport) -> String {
        var parts: [String] = []
        if report.state == "recovering" || report.state == "draining" {
            parts.append(report.state.prefix(1).uppercased() + report.state.dropFirst())
        }
        if report.lagBytes == 0 {
            parts.append("Caught up")
        } else {
            var text = "Lagging \(report.lagBytes) bytes, about \(report.lagEvents) events"
            if let eta = report.etaSeconds { text += ", ETA \(Int64(eta.rounded(.up))) s" }
            parts.append(text)
        }
        parts.append("\(report.users) users")
        parts.append("generation \(report.generation)\(report.trained ? "" : " (untrained)")")
        for standing in report.generations where standing.role == "catching-up" {
            let left = standing.etaSeconds.map { ", \(Int64($0.rounded(.up))) s left" } ?? ""
            parts.append("generation \(standing.generation) catching up\(left)")
        }
        if let hold = report.hold { parts.append("current held: \(hold)") }
        if !report.degraded.isEmpty {
            parts.append("DEGRADED: " + report.degraded.joined(separator: "; "))
        }
        return parts.joined(separator: "; ")
    }
}

import Logging
import Pipeline
import ServiceLifecycle
import Storage

/// Tells systemd how far the pipeline is: ready once it answers, then lag and ETA.
///
/// The watchdog is fed only when the pipeline has answered, so a hung pipeline is noticed.
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
            var last: String?
            while !Task.isCancelled {
                last = await report(after: last)
                do { try await Task.sleep(for: .milliseconds(period)) } catch { return }
            }
        }
    }

    /// Sends what has changed since the line `last`, nil while not ready; returns the new line.
    private func report(after last: String?) async -> String? {
        do throws(PipelineError) {
            var report = try await service.status()
            if let problem = reloader?.problem { report.degraded.append(problem) }
            let line = Self.line(report)
            switch report.state {
            case "recovering":
                // It answers, so it is at work; systemd is told to have patience.
                serviceManager.send(.status(line), Self.patience)
                return nil
            case "draining": serviceManager.send(.status(line), .watchdog, Self.patience)
            default:
                if last == nil {
                    logger.notice("ready", metadata: ["status": "\(line)"])
                    serviceManager.send(.ready, .status(line), .watchdog)
                    reloader?.noteReady()
                } else if line != last {
                    serviceManager.send(.status(line), .watchdog)
                } else {
                    serviceManager.send(.watchdog)
                }
            }
            return line
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

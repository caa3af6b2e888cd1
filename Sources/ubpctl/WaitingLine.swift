import ControlProtocol
import Foundation

/// Shows how far the daemon is while an answer is waited for, on standard error.
///
/// On a terminal it is a bar that is drawn anew every second and wiped away in the end; elsewhere a
/// line now and then. Nothing is shown of what is answered within the first second.
struct WaitingLine: Sendable {
    /// Seconds between two lines where nothing can be drawn anew.
    private static let lineSeconds = 10.0
    private static let barWidth = 24

    let connection: ConnectionOptions
    private let isTerminal: Bool
    private let isStyled: Bool

    init(_ connection: ConnectionOptions) {
        self.connection = connection
        let environment = ProcessInfo.processInfo.environment
        isTerminal = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
        isStyled = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// Runs `body`, and meanwhile shows how far the daemon has caught up.
    func during<Answer: Sendable>(
        _ body: () async throws -> Answer
    ) async throws -> Answer {
        let watch = Task { await show() }
        defer { watch.cancel() }
        let result: Result<Answer, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        watch.cancel()
        let hasDrawn = await watch.value
        // Erase in line (ECMA-48, EL).
        if hasDrawn, isTerminal { write("\r\u{1B}[K") }
        return try result.get()
    }

    /// True when something was shown.
    private func show() async -> Bool {
        var first: Int64?
        var seconds = 0.0
        var hasDrawn = false
        let client = ControlClient(path: connection.path, timeoutSeconds: 10)
        while true {
            let pause = isTerminal || !hasDrawn ? 1 : Self.lineSeconds
            do { try await Task.sleep(for: .seconds(pause)) } catch { return hasDrawn }
            seconds += pause
            let results = try? await client.results(of: [(Method.status.rawValue, [])])
            guard let status = results?.first, !Task.isCancelled else { continue }
            let lag = status["lag"]?["bytes"]?.integer ?? 0
            let most = max(first ?? lag, lag)
            first = most
            let share = most > 0 ? 1 - Double(lag) / Double(most) : 1
            let eta = status["eta_seconds"]?.number
            let words =
                lag > 0
                ? "catching up: \(Int(share * 100)) %, \(Units.bytes(lag)) unread"
                    + (eta.map { ", \(Units.duration($0.rounded(.up))) left" } ?? "")
                : "writing the snapshot, after \(Units.duration(seconds))"
            if isTerminal {
                write("\r\u{1B}[K" + bar(lag > 0 ? share : 1) + " " + words)
            } else {
                write(words + "\n")
            }
            hasDrawn = true
        }
    }

    private func bar(_ share: Double) -> String {
        let full = Int((share * Double(Self.barWidth)).rounded(.down))
        let done = String(repeating: "#", count: full)
        let rest = String(repeating: ".", count: Self.barWidth - full)
        return isStyled ? "[\u{1B}[1m\(done)\u{1B}[0m\(rest)]" : "[\(done)\(rest)]"
    }

    private func write(_ text: String) { StandardError.write(text) }
}

import ControlProtocol
import Logging
import Pipeline
import ServiceLifecycle
import Storage

/// Keeps a file of metrics for the textfile collector of node_exporter, replaced as a whole.
package struct MetricsFileService: Service {
    private let table: MethodTable
    private let path: String
    private let intervalSeconds: Int64
    private let host: Host
    private let logger: Logger

    /// - Parameters:
    ///   - table: which knows the figures.
    ///   - path: of the file, in a directory that exists.
    ///   - intervalSeconds: between two writings.
    ///   - host: where the file is.
    ///   - logger: is told once when it cannot be written.
    package init(
        table: MethodTable, path: String, intervalSeconds: Int64, host: Host, logger: Logger
    ) {
        self.table = table
        self.path = path
        self.intervalSeconds = intervalSeconds
        self.host = host
        self.logger = logger
    }

    /// Writes until its service group shuts down.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var lastFailure: String?
            while !Task.isCancelled {
                let failure = await write()
                if let failure, failure != lastFailure {
                    logger.warning(
                        "metrics.textfile could not be written",
                        metadata: ["path": "\(path)", "reason": "\(failure)"])
                }
                lastFailure = failure
                do { try await Task.sleep(for: .seconds(intervalSeconds)) } catch { return }
            }
        }
    }

    /// Writes the file once; why not, when it could not.
    ///
    /// A pipeline that does not answer leaves the file as it was, whose age then tells.
    package func write() async -> String? {
        do {
            let report = try await table.standing()
            let text = table.metricsPage(report, connections: 0).text(.textfile)
            try AtomicFile.write(Array(text.utf8), to: path, on: host)
            return nil
        } catch {
            return "\(error)"
        }
    }
}

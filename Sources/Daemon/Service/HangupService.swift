import ControlProtocol
import Logging
import ServiceLifecycle
import UnixSignals

/// Reloads the configuration when SIGHUP comes, as `reload` over the socket does.
struct HangupService: Service {
    /// Trapped from the moment it was made, so that an early signal does not end the process.
    let signals: UnixSignalsSequence
    let table: MethodTable
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in signals {
                let request = Request(id: nil, method: Method.reload.rawValue)
                if case .failure(let error) = await table.answer(request, of: .signal) {
                    logger.error("SIGHUP", metadata: ["refused": "\(error)"])
                }
            }
        }
    }
}

import ControlProtocol
import Daemon
import Foundation
import Logging
import Snapshots
import Storage
import Synchronization
import TestSupport
import Testing

/// A method table over a mock pipeline with a registry, and a configuration that can be reloaded.
struct MutationFixture: Sendable {
    let service = MockService()
    let clock = SimulatedClock(seconds: 1_000_000)
    let level = LogLevelSetting(.info)
    let settings: LiveSettings
    let reloader: Reloader
    let table: MethodTable
    let yaml = TextBox()

    /// The text of the configuration file.
    final class TextBox: Sendable {
        let text = Mutex("")
    }

    init(registry: Registry, manager: ServiceManager = ServiceManager(notifySocket: nil)) throws {
        let configuration = Configuration()
        settings = LiveSettings(
            control: configuration.control, policy: try AccessPolicy(configuration.control),
            level: level)
        let yaml = yaml
        reloader = Reloader(
            source: { () throws(DaemonError) in
                let text = yaml.text.withLock { $0 }
                do throws(ConfigurationError) {
                    return try Configuration(yaml: text, source: "ubpd.yaml")
                } catch {
                    throw .configuration(error)
                }
            }, running: configuration, settings: settings, snapshots: service,
            serviceManager: manager, clock: clock, logger: ServerFixture.logger)
        table = MethodTable(
            service: service, names: OneName(), clock: clock,
            journal: MutationJournal(
                registry: registry, clock: clock, logger: ServerFixture.logger),
            reloader: reloader)
    }

    func answer(
        _ method: Method, _ params: JSONValue, role: Role = .operator
    ) async -> Result<JSONValue, ControlError> {
        guard case .object(let members) = params else { return .success(.null) }
        let peer = PeerCredentials(processID: 4242, user: 1000, groups: [100, 4])
        return await table.answer(
            Request(id: .number(1), method: method.rawValue, params: members),
            of: Asker(role: role, peer: peer))
    }

    func code(
        _ method: Method, _ params: JSONValue, role: Role = .operator
    ) async -> ControlError.Code? {
        guard case .failure(let error) = await answer(method, params, role: role) else {
            return nil
        }
        #expect(!error.message.isEmpty && !error.hint.isEmpty, "\(error)")
        return error.code
    }

    /// All of the audit.
    func entries() async throws -> [AuditReply] {
        let page = try await answer(.auditList, ["limit": 1000]).get()
        return (page["entries"]?.elements ?? []).map(AuditReply.init)
    }
}

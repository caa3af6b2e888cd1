import Daemon
import Events
import Logging
import Storage
import Synchronization

/// Users by the texts that `ubpd import` found them under, from the log's dictionary.
///
/// The file is looked at again when it has changed, at most once a second.
final class DictionaryNames: UserNames {
    private struct Loaded {
        var dictionary = IDDictionary()
        var status: FileStatus?
        var lookedNanoseconds: UInt64?
    }

    private static let intervalNanoseconds: UInt64 = 1_000_000_000

    private let directory: String
    private let host: Host
    private let logger: Logger
    private let loaded = Mutex(Loaded())

    init(directory: String, host: Host, logger: Logger) {
        self.directory = directory
        self.host = host
        self.logger = logger
    }

    func user(named text: String) -> UserID? {
        current { $0.id(of: text, .user) }.map(UserID.init(rawValue:))
    }

    func name(of user: UserID) -> String? { name(of: user.rawValue, .user) }

    func name(of id: Int64, _ kind: IDKind) -> String? {
        let text = current { $0.text(of: id, kind) }
        return text == String(id) ? nil : text
    }

    private func current<Value: Sendable>(_ body: (IDDictionary) -> Value) -> Value {
        loaded.withLock { loaded in
            refresh(&loaded)
            return body(loaded.dictionary)
        }
    }

    private func refresh(_ loaded: inout Loaded) {
        let now = host.clock.monotonicNanoseconds()
        if let last = loaded.lookedNanoseconds, now - last < Self.intervalNanoseconds { return }
        loaded.lookedNanoseconds = now
        do {
            let status = try host.disk.status("\(directory)/\(IDDictionary.fileName)")
            guard status != loaded.status else { return }
            loaded.dictionary = try IDDictionary.load(from: directory, on: host.disk)
            loaded.status = status
        } catch {
            logger.warning("the dictionary of ids cannot be read; answers show numbers: \(error)")
        }
    }
}

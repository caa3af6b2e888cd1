import Logging
import Storage

/// Writes log messages to the system's journal with their priority, and each of their metadata as a
/// field `UBPD_NAME` that `journalctl UBPD_METHOD=snapshot.rollback` finds.
package struct JournalLogHandler: LogHandler {
    /// What every message of this logger carries.
    package var metadata: Logger.Metadata = [:]
    /// Least important level that is sent.
    package var logLevel = Logger.Level.info
    private let journal: Journal
    private let label: String
    /// Takes what the journal did not take.
    private let fallback: @Sendable (String) -> Void

    /// - Parameters:
    ///   - journal: takes the messages.
    ///   - label: their SYSLOG_IDENTIFIER.
    ///   - fallback: takes a line, with its priority before it, that the journal did not take.
    package init(
        journal: Journal, label: String, fallback: @escaping @Sendable (String) -> Void
    ) {
        self.journal = journal
        self.label = label
        self.fallback = fallback
    }

    /// One of `metadata`.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Sends one message, without waiting.
    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let text = ([event.message.description] + all.map { "\($0.key)=\($0.value)" })
            .joined(separator: " ")
        var fields: [(name: String, value: String)] = [
            ("MESSAGE", text), ("PRIORITY", String(event.level.priority)),
            ("SYSLOG_IDENTIFIER", label),
        ]
        fields += all.map { (Self.fieldName($0.key), $0.value.description) }
        if !journal.send(fields) { fallback("<\(event.level.priority)>\(text)") }
    }

    /// `UBPD_` and the key in capitals, with underscores for what no field's name may have.
    package static func fieldName(_ key: String) -> String {
        "UBPD_"
            + String(key.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }
}

extension Logger.Level {
    /// The priority of syslog(3), 2…7, which sd-daemon(3) writes as `<N>` before a line.
    package var priority: Int {
        switch self {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}

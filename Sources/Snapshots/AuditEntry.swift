import Storage
import Synchronization

/// What somebody asked to be changed: an entry of the audit before it has its place in the chain.
package struct AuditDraft: Sendable, Equatable {
    /// Of the peer, by the kernel; nil when it would not say, or nobody connected.
    package var user: Int64?
    package var group: Int64?
    package var process: Int64?
    /// `none`, `reader`, `operator`, or `signal` for what came by a signal.
    package var role: String
    package var method: String
    /// A JSON object in UTF-8, members by name.
    package var parameters: String
    /// The id that the client chose for its request; nil without one.
    package var request: String?
    /// When it came, seconds since 1970, wall clock.
    package var seconds: Int64

    /// A draft of nobody in particular.
    package init(
        method: String, parameters: String, role: String, request: String?, seconds: Int64
    ) {
        self.method = method
        self.parameters = parameters
        self.role = role
        self.request = request
        self.seconds = seconds
    }
}

/// Where the chain ends.
package struct AuditHead: Sendable, Equatable {
    /// 0 before the first entry.
    package var sequence: Int64
    /// SHA-256 of the last entry, 64 lower-case hexadecimal digits; zeros before the first.
    package var hash: String

    /// An end.
    package init(sequence: Int64, hash: String) {
        self.sequence = sequence
        self.hash = hash
    }

    /// Before the first entry.
    package static let none = AuditHead(sequence: 0, hash: String(repeating: "0", count: 64))
}

/// One link of the audit's chain.
package struct AuditEntry: Sendable, Equatable {
    /// 1, 2, 3 … without a gap.
    package var sequence: Int64
    package var draft: AuditDraft
    /// `done`, or the stable name of the refusal.
    package var outcome: String
    /// The hash of the entry before.
    package var previous: String
    /// SHA-256 of `canonicalBytes`, 64 lower-case hexadecimal digits.
    package var hash: String

    /// Names the form of `canonicalBytes`; it is its first field.
    package static let form = "ubpd-audit-1"

    /// The entry that follows on `head`.
    package init(after head: AuditHead, _ draft: AuditDraft, outcome: String) {
        self.init(
            sequence: head.sequence + 1, draft, outcome: outcome, previous: head.hash, hash: "")
        hash = ContentHash.hex(of: canonicalBytes)
    }

    /// An entry as it was stored; nothing is checked.
    package init(
        sequence: Int64, _ draft: AuditDraft, outcome: String, previous: String, hash: String
    ) {
        self.sequence = sequence
        self.draft = draft
        self.outcome = outcome
        self.previous = previous
        self.hash = hash
    }

    /// What is hashed; docs/control.md has the order of the fields.
    ///
    /// Each is its bytes in UTF-8 after their number in decimal and `:`, and before `,` (a
    /// netstring); `~` where it is nil.
    package var canonicalBytes: [UInt8] {
        let fields: [String?] = [
            Self.form, String(sequence), String(draft.seconds), draft.user.map(String.init),
            draft.group.map(String.init), draft.process.map(String.init), draft.role, draft.method,
            draft.parameters, outcome, draft.request, previous,
        ]
        var bytes: [UInt8] = []
        for field in fields {
            guard let text = field?.utf8 else {
                bytes.append(UInt8(ascii: "~"))
                continue
            }
            bytes += Array("\(text.count):".utf8) + Array(text)
            bytes.append(UInt8(ascii: ","))
        }
        return bytes
    }

    /// What is wrong with it as the link after `head`; nil when nothing is.
    package func problem(after head: AuditHead) -> String? {
        if sequence != head.sequence + 1 {
            return "entry \(sequence) follows entry \(head.sequence)"
        }
        if previous != head.hash { return "its `previous` is not the hash of the entry before" }
        let digest = ContentHash.hex(of: canonicalBytes)
        return digest == hash ? nil : "its hash is not that of its fields"
    }
}

/// Has the registry enter a request into the audit in the transaction that carries it out.
///
/// While it is `current`, the first transaction in which the registry changes what the request is
/// about takes the entry along, as `done`; whatever else the task writes does not.
package final class AuditTicket: Sendable {
    /// The request that this task carries out.
    @TaskLocal package static var current: AuditTicket?

    package let draft: AuditDraft
    private let written = Mutex<AuditHead?>(nil)

    /// A ticket for one request.
    package init(_ draft: AuditDraft) { self.draft = draft }

    /// The entry's place, once it is in a committed transaction.
    package var head: AuditHead? { written.withLock { $0 } }

    func noteWritten(_ head: AuditHead) { written.withLock { $0 = head } }
}

/// What the registry knows of a request under an id.
package enum RequestClaim: Sendable, Equatable {
    /// It is new; whoever asked carries it out now.
    case fresh
    /// It was carried out, and answered so.
    case answered([UInt8])
    /// The id belongs to another request, of this method.
    case other(method: String)
    /// It was begun and its answer is not known.
    case unfinished
}

/// How many request ids are remembered, and how long.
package struct RequestBounds: Sendable, Equatable {
    package var count = 4096
    package var seconds: Int64 = 7 * 86_400
    /// Bytes of all answers.
    package var answerByteCount: Int64 = 64 << 20

    /// The standard bounds.
    package init() {}
}

import ControlProtocol
import Logging
import Snapshots
import Storage

/// Carries each mutation out once under its id, and enters it into the audit.
///
/// It works on a thread of its own, since every entry is an fsync.
package actor MutationJournal {
    /// What becomes of a request under an id.
    enum Claim {
        /// It is new.
        case fresh
        /// It is answered so, without being carried out.
        case answer(Result<JSONValue, ControlError>)
    }

    /// Entries a minute for peers who are no operators, at most: they must not fill the disk.
    static let forbiddenLimit = 32

    private nonisolated let executor = ThreadExecutor(name: "audit")
    private let registry: Registry
    private nonisolated let clock: any Storage.Clock
    private let logger: Logger
    /// Ids of requests being carried out.
    private var underWay: Set<String> = []
    /// When the minute began, and the entries in it.
    private var forbidden: (start: UInt64, count: Int) = (0, 0)

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    /// A journal over a registry.
    package init(registry: Registry, clock: any Storage.Clock, logger: Logger) {
        self.registry = registry
        self.clock = clock
        self.logger = logger
    }

    /// What the audit says of a request, but for its end.
    nonisolated func draft(
        _ method: Method, _ params: [JSONValue.Member], _ asker: Asker
    ) -> AuditDraft {
        var parameters = Parameters(params)
        // The method itself refuses an id that is none.
        let id = try? parameters.requestID()
        var draft = AuditDraft(
            method: method.rawValue, parameters: RequestForm.audited(params), role: asker.word,
            request: id, seconds: clock.seconds())
        if let peer = asker.peer {
            draft.user = Int64(peer.user)
            draft.group = peer.groups.first.map { Int64($0) }
            draft.process = Int64(peer.processID)
        }
        return draft
    }

    /// Takes the draft's id for it; a request without one is always new.
    func claim(_ draft: AuditDraft, digest: String) -> Claim {
        guard let id = draft.request else { return .fresh }
        guard !underWay.contains(id) else {
            return refuse(
                draft,
                ControlError(
                    .busy, "a request under the id \"\(id)\" is being carried out",
                    hint: "wait for its answer, or ask again in a moment"))
        }
        let claim: RequestClaim
        do {
            claim = try registry.claimRequest(
                id, method: draft.method, digest: digest, seconds: draft.seconds)
        } catch {
            return .answer(.failure(Self.storage(error, hint: "nothing was done; see the journal")))
        }
        switch claim {
        case .fresh:
            underWay.insert(id)
            return .fresh
        case .answered(let bytes): return .answer(Self.decode(bytes))
        case .other(let method):
            return refuse(
                draft,
                ControlError(
                    .idReused,
                    "the id \"\(id)\" belongs to another request, of `\(method)`",
                    hint: "choose a new id for every new request"))
        case .unfinished:
            return refuse(
                draft,
                ControlError(
                    .unfinished,
                    "the daemon ended while it carried out the request under the id \"\(id)\"",
                    hint: "look whether it was done, then ask under a new id"))
        }
    }

    /// Enters how a request ended, unless the registry has done so, and remembers its answer when
    /// something was done.
    func finish(
        _ ticket: AuditTicket, _ result: Result<JSONValue, ControlError>
    ) -> Result<JSONValue, ControlError> {
        if let id = ticket.draft.request { underWay.remove(id) }
        var isDone = ticket.head != nil
        var outcome = "done"
        switch result {
        case .success: isDone = true
        case .failure(let error): outcome = error.code.rawValue
        }
        do {
            let head = try registry.finishRequest(
                ticket, outcome: outcome, answer: isDone ? Self.encode(result) : nil)
            note(ticket.draft, outcome, head)
            return result
        } catch {
            logger.error("audit: not written", metadata: ["error": "\(error)"])
            guard isDone else { return result }
            return .failure(
                Self.storage(error, hint: "it was done, and is not in the audit; mend the disk"))
        }
    }

    /// Enters a mutation that somebody asked for who may not, so many a minute.
    func enterForbidden(_ draft: AuditDraft) {
        let now = clock.monotonicNanoseconds()
        if now - forbidden.start >= 60_000_000_000 { forbidden = (now, 0) }
        forbidden.count += 1
        guard forbidden.count <= Self.forbiddenLimit else { return }
        enter(draft, ControlError.Code.forbidden.rawValue)
    }

    /// A page of entries, and the chain's end.
    func page(
        after sequence: Int64, limit: Int, method: String?
    ) throws(ControlError) -> (entries: [AuditEntry], head: AuditHead?) {
        do {
            return try registry.auditPage(after: sequence, limit: limit, method: method)
        } catch {
            throw Self.storage(error, hint: "see the journal")
        }
    }

    private func refuse(_ draft: AuditDraft, _ error: ControlError) -> Claim {
        enter(draft, error.code.rawValue)
        return .answer(.failure(error))
    }

    private func enter(_ draft: AuditDraft, _ outcome: String) {
        do {
            note(draft, outcome, try registry.enterRefusal(draft, outcome: outcome))
        } catch {
            logger.error("audit: not written", metadata: ["error": "\(error)"])
        }
    }

    /// Leaves the chain's end in the journal, which is out of reach of who can write the file.
    private func note(_ draft: AuditDraft, _ outcome: String, _ head: AuditHead) {
        logger.notice(
            "audit",
            metadata: [
                "sequence": "\(head.sequence)", "hash": "\(head.hash)",
                "method": "\(draft.method)", "outcome": "\(outcome)",
            ])
    }

    private static func storage(_ error: SnapshotError, hint: String) -> ControlError {
        ControlError(.storage, "the audit: \(error)", hint: hint)
    }

    private static func encode(_ result: Result<JSONValue, ControlError>) -> [UInt8] {
        switch result {
        case .success(let value): JSONValue.object([.init("result", value)]).encoded
        case .failure(let error): JSONValue.object([.init("error", error.json)]).encoded
        }
    }

    private static func decode(_ bytes: [UInt8]) -> Result<JSONValue, ControlError> {
        guard let value = try? JSONParser.parse(bytes, byteLimit: bytes.count) else {
            return .failure(
                ControlError(
                    .storage, "the answer remembered under this id cannot be read",
                    hint: "look whether it was done, then ask under a new id"))
        }
        if let error = value["error"] { return .failure(ControlError(json: error)) }
        return .success(value["result"] ?? .null)
    }
}

import ControlProtocol
import Snapshots
import Storage

extension MethodTable {
    /// Answers one request; a mutation that is no dry run is carried out once under its id and
    /// entered into the audit, refused or done.
    ///
    /// How long it took is told by `metrics`.
    package func answer(
        _ request: Request, of asker: Asker, connections: Int = 0
    ) async -> Result<JSONValue, ControlError> {
        let start = clock.monotonicNanoseconds()
        let answer = await carryOut(request, of: asker, connections: connections)
        var refusal: ControlError?
        if case .failure(let error) = answer { refusal = error }
        meter.note(request.method, refusal, nanoseconds: clock.monotonicNanoseconds() &- start)
        return answer
    }

    private func carryOut(
        _ request: Request, of asker: Asker, connections: Int
    ) async -> Result<JSONValue, ControlError> {
        guard let journal, let method = Method(rawValue: request.method),
            Self.changes(method, request.params)
        else { return await unjournaled(request, role: asker.role, connections: connections) }
        let draft = journal.draft(method, request.params, asker)
        guard asker.role == .operator else {
            await journal.enterForbidden(draft)
            return await unjournaled(request, role: asker.role, connections: connections)
        }
        let digest = RequestForm.digest(method, request.params)
        if case .answer(let result) = await journal.claim(draft, digest: digest) { return result }
        let ticket = AuditTicket(draft)
        let result = await AuditTicket.$current.withValue(ticket) {
            await unjournaled(request, role: asker.role, connections: connections)
        }
        return await journal.finish(ticket, result)
    }

    /// Whether a request of this method with these parameters is to change something.
    private static func changes(_ method: Method, _ params: [JSONValue.Member]) -> Bool {
        guard method.isMutation else { return false }
        let named = JSONValue.object(params)
        if method == .logLevel, named["level"] ?? .null == .null { return false }
        return named["dry_run"] != true
    }

    // MARK: audit

    func listAudit(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try AuditListParameters(params)
        let limit = Int(parameters.limit)
        let page = try await audit().page(
            after: parameters.after, limit: limit, method: parameters.method)
        let next = page.entries.count == limit ? page.entries.last?.sequence : nil
        return [
            "entries": .array(page.entries.map { AuditReply($0).json }), "next": .optional(next),
            "head": Self.json(page.head),
        ]
    }

    /// Walks the chain, some entries at a time, to its remembered end.
    func verifyAudit(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let known = try AuditVerifyParameters(params)
        let journal = try audit()
        var walk = ChainWalk(sequence: known.sequence, hash: known.hash?.lowercased())
        while true {
            let page = try await journal.page(
                after: walk.place.sequence, limit: ChainWalk.pageCount, method: nil)
            if walk.take(page.entries, head: page.head) { break }
        }
        return [
            "whole": .bool(walk.problem == nil), "entries": .int(walk.place.sequence),
            "head": Self.json(walk.place),
            "broken": walk.problem.map {
                ["sequence": .int($0.sequence), "problem": .string($0.text)]
            } ?? .null,
        ]
    }

    private func audit() throws(ControlError) -> MutationJournal {
        guard let journal else {
            throw ControlError(
                .notAvailable, "this daemon keeps no audit", hint: "`ubpd run` keeps one")
        }
        return journal
    }

    private static func json(_ head: AuditHead?) -> JSONValue {
        head.map { ["sequence": .int($0.sequence), "hash": .string($0.hash)] } ?? .null
    }
}

/// Follows the audit's chain from its beginning until something is wrong or it ends.
struct ChainWalk {
    /// Entries taken at a time.
    static let pageCount = 1000

    /// An end that somebody remembers, if any.
    let sequence: Int64?
    let hash: String?
    /// The last link that was right.
    private(set) var place = AuditHead.none
    private(set) var problem: (sequence: Int64, text: String)?

    init(sequence: Int64?, hash: String?) {
        self.sequence = sequence
        self.hash = hash
    }

    /// Takes the next entries, which are the last when they are fewer than a page; true at the end.
    mutating func take(_ entries: [AuditEntry], head: AuditHead?) -> Bool {
        for entry in entries {
            if let text = entry.problem(after: place) {
                problem = (place.sequence + 1, text)
                return true
            }
            place = AuditHead(sequence: entry.sequence, hash: entry.hash)
            if place.sequence == sequence, place.hash != hash {
                problem = (place.sequence, "its hash is \(place.hash), not the one remembered")
                return true
            }
        }
        guard entries.count < Self.pageCount else { return false }
        if let head, head != place {
            problem = (
                place.sequence + 1,
                "the chain ends at entry \(place.sequence), and entry \(head.sequence) was its last"
            )
        } else if head == nil {
            problem = (place.sequence + 1, "the chain's remembered end is gone")
        } else if let sequence, sequence > place.sequence {
            problem = (
                place.sequence + 1,
                "the chain ends at entry \(place.sequence), and there was an entry \(sequence)"
            )
        }
        return true
    }
}

extension AuditReply {
    init(_ entry: AuditEntry) {
        let draft = entry.draft
        self.init(
            sequence: entry.sequence, seconds: draft.seconds, user: draft.user, group: draft.group,
            process: draft.process, role: draft.role, method: draft.method,
            parameters: draft.parameters, outcome: entry.outcome, request: draft.request,
            previous: entry.previous, hash: entry.hash)
    }
}

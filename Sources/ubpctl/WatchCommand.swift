import ArgumentParser
import ControlProtocol

/// `ubpctl profile watch [USER…]`.
struct ProfileWatchCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show whose profiles change, a line a change, until interrupted.",
        discussion: """
            A user who changes several times between two lines is shown once. When the daemon \
            restarts it is waited for, and gone on where this was. "compacted" says that not all \
            changes since then are known any more: read the users anew. With --json each line is a \
            document; its `revision` is what --after takes.
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(
        help: ArgumentHelp(
            "Begin behind this revision, as an earlier watch showed it; else now.",
            valueName: "revision"))
    var after: String?

    @Option(help: ArgumentHelp("End after so many lines.", valueName: "lines"))
    var count: Int?

    @Argument(help: "User ids, at most 500, negative ones behind --; everybody when none is named.")
    var users: [String] = []

    mutating func validate() throws {
        guard users.count <= WatchParameters.userLimit else {
            throw ValidationError(
                "at most \(WatchParameters.userLimit) users can be watched at once")
        }
        if let count, count < 1 { throw ValidationError("--count wants a number above 0") }
    }

    func run() async throws {
        var parameters = WatchParameters(
            users: users.isEmpty ? nil : users.map(UserReference.init), after: after)
        var left = count ?? .max
        // What is wrong from the beginning is said at once; a daemon that was there comes again.
        if after == nil {
            let reply = WatchReply(json: try await result(of: Method.profileWatch.rawValue, []))
            parameters.after = reply.revision
            note("watching from revision \(reply.revision)")
        }
        var isFirst = after != nil
        while left > 0 {
            guard let reply = try await next(parameters, mayWait: !isFirst) else { continue }
            isFirst = false
            parameters.after = reply.revision
            if let oldest = reply.oldest {
                try showCompacted(reply, oldest: oldest)
                left -= 1
            }
            for change in reply.changes.prefix(left) { try show(change) }
            left -= min(left, reply.changes.count)
        }
    }

    /// The next reply; nil when there was no daemon to give one, after a moment.
    private func next(_ parameters: WatchParameters, mayWait: Bool) async throws -> WatchReply? {
        do {
            return WatchReply(
                json: try await result(
                    of: Method.profileWatch.rawValue, parameters.members,
                    patience: 2 * parameters.waitSeconds))
        } catch let failure as Failure {
            guard mayWait, failure.isPassing else { throw failure }
            try await Task.sleep(for: .seconds(1))
            return nil
        }
    }

    private func show(_ change: WatchReply.Change) throws(Failure) {
        if connection.json { return try write(change.json.line) }
        let name = (change.original.map { "\($0) (\(change.user))" } ?? change.user).printable
        guard !change.isForgotten else { return try write("\(name)  forgotten") }
        let newest = change.newest.map { "newest \(Units.ago($0))" } ?? "no event yet"
        try write("\(name)  \(Units.count(change.events)) events, \(newest)")
    }

    private func showCompacted(_ reply: WatchReply, oldest: String) throws(Failure) {
        if connection.json {
            let document: JSONValue = [
                "compacted": true, "oldest": .string(oldest), "revision": .string(reply.revision),
                "space": .int(reply.space), "generation": .int(reply.generation),
            ]
            return try write(document.line)
        }
        try write(
            "compacted: changes before revision \(oldest) are not known any more; read your users "
                + "anew (generation \(reply.generation), revision \(reply.revision))")
    }

    private func write(_ line: String) throws(Failure) { try StandardOutput.write(line: line) }

    /// Says something beside the changes.
    private func note(_ text: String) { StandardError.write(text + "\n") }
}

extension Failure {
    /// Whether a daemon that restarts answers so.
    fileprivate var isPassing: Bool {
        switch self {
        case .noConnection, .timedOut, .badReply: true
        case .refused(let error): error.code == .stopping || error.code == .busy
        case .usage, .readerGone, .unwritable: false
        }
    }
}

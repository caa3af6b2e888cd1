import ArgumentParser
import ControlProtocol

/// Which generation a verb asks.
struct ChoiceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Ask this space's generation.", valueName: "space"))
    var space: Int64?

    @Option(
        help: ArgumentHelp(
            "Ask this generation, which must be served now.", valueName: "generation"))
    var generation: Int64?

    var choice: ServedChoice { ServedChoice(space: space, generation: generation) }

    mutating func validate() throws {
        if space != nil, generation != nil {
            throw ValidationError("choose --space or --generation, not both")
        }
    }
}

/// `ubpctl generation …`.
struct GenerationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generation", abstract: "What the nightly refresh made, and which answers.",
        subcommands: [
            GenerationListCommand.self, GenerationShowCommand.self, GenerationActivateCommand.self,
        ])
}

/// `ubpctl generation list`.
struct GenerationListCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All generations, oldest first.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var repetition: WatchOptions

    func run() async throws {
        try await watch(repetition, .generationList) { json in
            let generations = (json["generations"]?.elements ?? []).map(GenerationReply.init)
            guard !generations.isEmpty else { return "no generations; see `ubpd refresh`" }
            var table = Table(
                ("GENERATION", .right), ("SPACE", .right), ("", .left), ("GATE", .left),
                ("FITTED TO", .left), ("BEHIND", .left), ("TOOK OVER", .left))
            for reply in generations {
                let last = reply.takeovers.last?["seconds"]?.integer
                table.add(
                    "\(reply.generation)", "\(reply.space)",
                    reply.problem == nil ? reply.standing?.role ?? "" : "DAMAGED",
                    reply.refusals.isEmpty ? "accepted" : "refused",
                    reply.fitTo > 0 ? Units.time(reply.fitTo) : "-",
                    reply.standing?.lagWords ?? "-", last.map(Units.ago) ?? "never")
            }
            return table.text
        }
    }
}

/// `ubpctl generation show G`.
struct GenerationShowCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "What is known of one generation.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The generation's id.")
    var generation: Int64

    func run() async throws {
        let members = GenerationParameters(generation: generation).members
        try await ask(.generationShow, members) { GenerationReply(json: $0).words }
    }
}

/// `ubpctl generation activate G`.
struct GenerationActivateCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate",
        abstract: "Have a generation take over, an older one too.",
        discussion: """
            It catches up in the background and takes over between two records; \
            `ubpctl generation list` shows how far it is. After that no generation that there is now \
            is activated by itself, only newer ones.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    @Argument(help: "The generation's id.")
    var generation: Int64

    @Flag(help: "Take it although its gate refused it.")
    var force = false

    func run() async throws {
        var parameters = GenerationParameters(generation: generation)
        parameters.force = force
        parameters.guards = mutation.guards
        try await ask(.generationActivate, parameters.members, patience: 600) { json in
            let (id, previous) = (json["generation"]?.integer, json["previous"]?.integer)
            let name = "generation \(id ?? 0)"
            if json["active"]?.boolean == true { return "\(name) is active already" }
            let verb = json["dry_run"]?.boolean == true ? "would catch" : "catches"
            return "\(name) \(verb) up and takes over from generation \(previous ?? 0)"
        }
    }
}

/// `ubpctl space …`.
struct SpaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "space", abstract: "What gives the columns their meaning.",
        subcommands: [SpaceListCommand.self])
}

/// `ubpctl space list`.
struct SpaceListCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All spaces, oldest first, and which are served.")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        try await ask(.spaceList) { json in
            let spaces = (json["spaces"]?.elements ?? []).map(SpaceReply.init)
            guard !spaces.isEmpty else { return "no spaces; see `ubpd refresh`" }
            var table = Table(
                ("SPACE", .right), ("TRAINED", .left), ("FITTED TO", .left), ("GENERATIONS", .left),
                ("SERVED BY", .right), ("UNTIL", .left))
            for space in spaces {
                table.add(
                    "\(space.space)", space.trained ? "yes" : "no", Units.time(space.fitTo),
                    space.generations.map(String.init).joined(separator: " "),
                    space.served.map(String.init) ?? "-", space.until.map(Units.time) ?? "-")
            }
            return table.text
        }
    }
}

/// `ubpctl refresh …`.
struct RefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "The nightly batch, as the daemon sees it.",
        subcommands: [RefreshStatusCommand.self, RefreshCancelCommand.self])
}

/// `ubpctl refresh status`.
struct RefreshStatusCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far the refresh is, or how the last one ended.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var repetition: WatchOptions

    func run() async throws {
        try await watch(repetition, .refreshStatus) { json in
            guard let refresh = json["refresh"], refresh != .null else {
                return "no refresh has left word; start one with `ubpd refresh`"
            }
            return RefreshReply(json: refresh).words
        }
    }
}

/// `ubpctl refresh cancel`.
struct RefreshCancelCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Stop the refresh that is running.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    func run() async throws {
        try await ask(.refreshCancel, mutation.guards.members) { json in
            let pid = json["refresh"]?["pid"]?.integer ?? 0
            return json["cancelled"]?.boolean == true
                ? "told process \(pid) to stop" : "would tell process \(pid) to stop"
        }
    }
}

extension StandingReply {
    /// For people, the lag alone.
    var lagWords: String {
        guard lagBytes > 0 else { return "level" }
        return "\(Units.bytes(lagBytes))"
            + (etaSeconds.map { ", \(Units.duration($0)) left" } ?? "")
    }

    /// For people, one line.
    var words: String {
        "generation \(generation) in space \(space)\(trained ? "" : ", untrained"), "
            + (lagBytes > 0 ? "\(lagWords) behind" : "level")
            + (until.map { ", until \(Units.time($0))" } ?? "")
    }
}

extension GenerationReply {
    /// For people.
    fileprivate var words: String {
        var pairs: [(name: String, value: String)] = [
            ("generation", "\(generation) in space \(space)\(trained ? "" : ", untrained")"),
            ("path", path),
            ("runs", standing.map { "\($0.role), \($0.words)" } ?? "no"),
            (
                "fitted",
                fitTo > 0 ? "\(Units.time(fitFrom)) to \(Units.time(fitTo))" : "on nothing"
            ),
            ("gate", refusals.isEmpty ? "accepted" : "REFUSED"),
        ]
        for text in refusals { pairs.append(("refusal", text)) }
        if let problem { pairs.append(("PROBLEM", problem)) }
        for takeover in takeovers {
            let seconds = takeover["seconds"]?.integer ?? 0
            pairs.append(
                (
                    "took over",
                    "\(Units.time(seconds)), at record "
                        + (takeover["place"]?.text ?? Units.count(takeover["offset"]?.integer ?? 0))
                ))
        }
        for number in numbers {
            pairs.append((number.name, number.value.number.map { Units.number($0, 4) } ?? "-"))
        }
        return Table.pairs(pairs)
    }
}

extension RefreshReply {
    /// For people, one line.
    var progressWords: String {
        "step \(stepIndex) of \(stepCount), \(step): \(Int(fraction * 100)) %"
            + (secondsLeft.map { ", \(Units.duration($0)) left" } ?? "")
    }

    /// For people.
    fileprivate var words: String {
        var pairs: [(name: String, value: String)] = [
            ("refresh", isRunning ? "running" : state == "running" ? "killed" : state),
            ("step", progressWords),
        ]
        if let detail, !detail.isEmpty { pairs.append(("detail", detail)) }
        pairs += [
            ("process", "\(pid)"), ("started", "\(Units.time(started)), \(Units.ago(started))"),
            ("updated", Units.ago(updated)),
        ]
        if let error { pairs.append(("ERROR", error)) }
        return Table.pairs(pairs)
    }
}

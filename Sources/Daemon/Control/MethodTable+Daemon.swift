import ControlProtocol
import Logging
import Pipeline

extension MethodTable {
    func reload(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let guards = try MutationGuards(params)
        _ = try await check(guards)
        let changes = try await reloading().reload(dryRun: guards.isDryRun)
        func keys(_ effect: Reloader.Effect) -> JSONValue {
            .array(changes.filter { $0.effect == effect }.map { .string($0.key) })
        }
        return [
            "dry_run": .bool(guards.isDryRun), "applied": keys(.live),
            "next_refresh": keys(.refresh), "restart_needed": keys(.restart),
            "changes": .array(
                changes.map {
                    [
                        "key": .string($0.key), "from": .string($0.from), "to": .string($0.to),
                        "effect": .string($0.effect.rawValue),
                    ]
                }),
        ]
    }

    func logLevel(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try LogLevelParameters(params)
        _ = try await check(parameters.guards)
        let reloader = try reloading()
        let before = await reloader.logLevel()
        var level = before.current
        if let wanted = parameters.level.flatMap(Logger.Level.init(rawValue:)) {
            level = wanted
            if !parameters.guards.isDryRun { await reloader.setLogLevel(wanted) }
        }
        return [
            "level": .string(level.rawValue), "previous": .string(before.current.rawValue),
            "configured": .string(before.configured.rawValue),
            "dry_run": .bool(parameters.guards.isDryRun),
        ]
    }

    private func reloading() throws(ControlError) -> Reloader {
        guard let reloader else {
            throw ControlError(
                .notAvailable, "this daemon was started without a configuration to read again",
                hint: "`ubpd run` has one")
        }
        return reloader
    }
}

import ArgumentParser
import ControlProtocol

/// A verb that asks the daemon.
protocol ControlCommand: AsyncParsableCommand {
    var connection: ConnectionOptions { get }
}

extension ControlCommand {
    /// Sends one request and prints its result, in words or as JSON.
    func ask(
        _ method: Method, _ params: [JSONValue.Member] = [], patience: Double = 30,
        words: (JSONValue) -> String
    ) async throws {
        let result = try await result(of: method.rawValue, params, patience: patience)
        try StandardOutput.write(line: connection.json ? result.indented : words(result))
    }

    /// Sends one request; waits for `patience` seconds unless --timeout says otherwise.
    func result(
        of method: String, _ params: [JSONValue.Member], patience: Double = 30
    ) async throws -> JSONValue {
        let client = ControlClient(
            path: connection.path, timeoutSeconds: connection.timeout ?? patience)
        guard let result = try await client.results(of: [(method, params)]).first else {
            throw Failure.badReply("no result")
        }
        return result
    }
}

/// The flags of every mutation.
struct MutationOptions: ParsableArguments {
    @Flag(help: "Only check, and say what would happen.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "Do it only if `current` is this snapshot.", valueName: "version"))
    var expectVersion: Int64?

    @Option(
        help: ArgumentHelp(
            "Your name for this request: asked again under it, it is not done again.",
            valueName: "id"))
    var id: String?

    var guards: MutationGuards {
        var guards = MutationGuards()
        guards.isDryRun = dryRun
        guards.expectVersion = expectVersion
        guards.id = id
        return guards
    }
}

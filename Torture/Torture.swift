import ArgumentParser

/// Applies random lives and damages, for as long as wanted, against an oracle.
@main
struct Torture: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Try to make ubpd lose, double or invent something.",
        subcommands: [LogCommand.self])
}

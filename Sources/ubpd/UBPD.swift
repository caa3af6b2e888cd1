import ArgumentParser
import Daemon

/// The daemon and the programs that share its state.
@main
struct UBPD: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ubpd",
        abstract: "Keeps a behavioural profile of every user of a shop current, online.",
        version: DaemonService.version,
        subcommands: [
            RunCommand.self, RefreshCommand.self, ImportCommand.self, LogCommand.self,
            SimulateCommand.self, EvaluateCommand.self, VerifyCommand.self, CheckConfigCommand.self,
        ])
}

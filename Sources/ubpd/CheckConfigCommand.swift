import ArgumentParser
import Daemon
import Storage

/// `ubpd check-config`: says whether `ubpd run` would take the configuration.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the configuration and what it names; exit 78 when something is wrong.",
        discussion: """
            Directories, state, socket, memory and names of people are looked at as the user who runs \
            this, which should be the daemon's; nothing is changed or locked, so a daemon may be \
            running. Warnings alone exit with 0.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "List every key with its default and meaning, and check nothing.")
    var keys = false

    @Flag(name: .customLong("no-state"), help: "Check the file and the flags alone.")
    var checksFileAlone = false

    @Flag(help: "Print the configuration that results, one key a line.")
    var print = false

    func run() throws {
        if keys {
            let defaults = Configuration()
            let entries = ConfigurationKey.all.map { key in
                "\(key.path) (\(key.text(defaults))): \(key.want)\n    \(key.summary)"
            }
            return try standardOutput(entries.joined(separator: "\n"))
        }
        let answer: String?
        do throws(DaemonError) { answer = try self.answer() } catch {
            standardError("\(error)")
            throw ExitCode(error.exitCode)
        }
        guard let answer else { throw ExitCode(ExitStatus.configuration) }
        try standardOutput(answer)
    }

    /// Checks, and says on standard error what was found; nil when any of it is an error.
    private func answer() throws(DaemonError) -> String? {
        let disk = makeHost().disk
        let configuration = try options.load(from: disk)
        if print {
            _ = try AccessPolicy(configuration.control)
            return ConfigurationKey.all.map { "\($0.path): \($0.text(configuration))" }
                .joined(separator: "\n")
        }
        let findings = try findings(configuration, disk)
        for finding in findings { standardError("\(finding)") }
        guard !findings.contains(where: \.isError) else { return nil }
        let count = findings.count
        let warnings = count == 0 ? "" : ", with \(count) warning\(count == 1 ? "" : "s")"
        return "the configuration is good\(warnings)"
    }

    private func findings(
        _ configuration: Configuration, _ disk: any Disk
    ) throws(DaemonError) -> [MachineFinding] {
        guard !checksFileAlone else {
            _ = try AccessPolicy(configuration.control)
            return []
        }
        var check = MachineCheck(
            configuration: configuration, places: try options.places(from: disk), disk: disk)
        return check.run()
    }
}

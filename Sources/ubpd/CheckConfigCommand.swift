import ArgumentParser
import Daemon
import Storage

/// `ubpd check-config`: says whether `ubpd run` would take the configuration.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the configuration file and flags; exit 78 when something is wrong.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "List every key with its default and meaning, and check nothing.")
    var keys = false

    @Flag(help: "Print the configuration that results, one key a line.")
    var print = false

    func run() throws {
        if keys {
            let defaults = Configuration()
            for key in ConfigurationKey.all {
                Swift.print("\(key.path) (\(key.text(defaults))): \(key.want)")
                Swift.print("    \(key.summary)")
            }
            return
        }
        do throws(DaemonError) {
            let configuration = try options.load(from: makeHost().disk)
            _ = try AccessPolicy(configuration.control)
            guard print else {
                Swift.print("the configuration is good")
                return
            }
            for key in ConfigurationKey.all {
                Swift.print("\(key.path): \(key.text(configuration))")
            }
        } catch {
            standardError("\(error)")
            throw ExitCode(error.exitCode)
        }
    }
}

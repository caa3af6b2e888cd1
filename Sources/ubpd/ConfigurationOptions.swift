import ArgumentParser
import Daemon
import Storage

/// The flags that every verb with a configuration shares; they win over the file.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: "Configuration file; without it /etc/ubpd/ubpd.yaml if there is one.",
        completion: .file())
    var config: String?

    @Option(help: "Directory of the log's segments (log_dir).", completion: .directory)
    var logDir: String?

    @Option(
        help: "Directory of everything the daemon writes (state_dir).", completion: .directory)
    var stateDir: String?

    @Option(help: "Path of the control socket (socket).", completion: .file())
    var socket: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Any other key, such as order.lateness_seconds=60; may be repeated.",
            valueName: "key=value"))
    var settings: [String] = []

    /// The file with the flags over it, checked.
    func load(from disk: any Disk) throws(DaemonError) -> Configuration {
        do throws(ConfigurationError) {
            return try Configuration.load(path: config, overrides: try overrides(), disk: disk)
        } catch {
            throw .configuration(error)
        }
    }

    /// Where the keys were set.
    func places(from disk: any Disk) throws(DaemonError) -> ConfigurationPlaces {
        do throws(ConfigurationError) {
            return try ConfigurationPlaces(path: config, overrides: try overrides(), disk: disk)
        } catch {
            throw .configuration(error)
        }
    }

    private func overrides() throws(ConfigurationError) -> [(key: String, value: String)] {
        var overrides: [(key: String, value: String)] = []
        for setting in settings {
            guard let equals = setting.firstIndex(of: "=") else {
                throw .invalid([
                    .init(source: "--set", line: nil, key: setting, message: "want key=value")
                ])
            }
            overrides.append(
                (String(setting[..<equals]), String(setting[setting.index(after: equals)...])))
        }
        let named = [("log_dir", logDir), ("state_dir", stateDir), ("socket", socket)]
        for case (let key, let value?) in named { overrides.append((key, value)) }
        return overrides
    }
}

import ArgumentParser
import Daemon
import Logging
import Storage

/// `ubpd run`: follows the log and answers on the control socket until told to stop.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Follow the log and answer on the control socket.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        do throws(DaemonError) {
            try await serve()
        } catch {
            standardError("ubpd: \(error)", priority: .error)
            throw ExitCode(error.exitCode)
        }
    }

    private func serve() async throws(DaemonError) {
        let host = makeHost()
        let configuration = try options.load(from: host.disk)
        let level = LogLevelSetting(
            Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info)
        let logger = Logger(label: "ubpd") { label in
            guard let journal = Journal.ofStandardError() else {
                return AdjustableLogHandler(StreamLogHandler.standardError(label: label), level)
            }
            return AdjustableLogHandler(
                JournalLogHandler(journal: journal, label: label) { standardError($0) }, level)
        }
        let serviceManager = ServiceManager.fromEnvironment()
        // Reading the registry and adopting directories comes before anything can answer.
        serviceManager.send(
            .status("Opening the state"), .extendTimeout(microseconds: 600_000_000))
        let pipeline: AssembledPipeline
        do {
            pipeline = try makePipeline(
                configuration: configuration, host: host, logger: logger)
        } catch {
            throw .pipeline(error)
        }
        try await DaemonService(
            configuration: configuration, pipeline: pipeline, host: host,
            serviceManager: serviceManager, logger: logger, level: level,
            source: { [options] () throws(DaemonError) in try options.load(from: host.disk) }
        ).run()
    }
}

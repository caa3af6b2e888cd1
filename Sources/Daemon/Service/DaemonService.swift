import ControlProtocol
import Logging
import Pipeline
import ServiceLifecycle
import Storage
import UnixSignals

/// The daemon: a pipeline, its control socket, and systemd kept informed, until told to stop.
///
/// SIGTERM and SIGINT drain: what is read is finished and committed, while the socket still
/// answers; then the socket closes and the process ends. A second signal ends it at once, which
/// costs nothing but the catching up (DESIGN §1, invariant 3).
package struct DaemonService: Sendable {
    /// The program's version, as `ubpd --version` and `version` answer it.
    package static let version = Version.program

    private let configuration: Configuration
    private let pipeline: AssembledPipeline
    private let host: Host
    private let serviceManager: ServiceManager
    private let logger: Logger
    private let level: LogLevelSetting
    private let source: Reloader.Source?

    /// `level` is what `logger` goes by; `source` reads the configuration again, nil where there is
    /// nothing to read.
    package init(
        configuration: Configuration, pipeline: AssembledPipeline, host: Host,
        serviceManager: ServiceManager, logger: Logger,
        level: LogLevelSetting = LogLevelSetting(.info), source: Reloader.Source? = nil
    ) {
        self.configuration = configuration
        self.pipeline = pipeline
        self.host = host
        self.serviceManager = serviceManager
        self.logger = logger
        self.level = level
        self.source = source
    }

    /// Runs until drained by a signal or by `drain`; nothing is left behind when it throws.
    ///
    /// `handlesSignals` is false in tests, which share their process.
    package func run(handlesSignals: Bool = true) async throws(DaemonError) {
        let settings = LiveSettings(
            control: configuration.control, policy: try AccessPolicy(configuration.control),
            level: level)
        let reloader = makeReloader(settings)
        let table = MethodTable(
            service: pipeline.service, names: pipeline.names,
            profileBatch: configuration.control.profileBatch, clock: host.clock,
            journal: pipeline.registry.map {
                MutationJournal(registry: $0, clock: host.clock, logger: logger)
            }, reloader: reloader)
        let server = try ControlServer(
            configuration: configuration, settings: settings, table: table, logger: logger,
            passed: serviceManager.passedSockets)
        let reporter = StatusReporter(
            service: pipeline.service, serviceManager: serviceManager, clock: host.clock,
            logger: logger, reloader: reloader)
        let runner = PipelineService(
            pipeline: pipeline, serviceManager: serviceManager, restoresSignals: handlesSignals,
            logger: logger)
        let metrics = configuration.metrics
        let files = [metrics.textfile].filter { !$0.isEmpty }.map { path in
            MetricsFileService(
                table: table, path: path, intervalSeconds: metrics.intervalSeconds, host: host,
                logger: logger)
        }
        // Shutdown goes from the last to the first: drain while the socket still answers.
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = files.map {
            .init(service: $0)
        }
        services += [
            .init(service: reporter), .init(service: server),
            .init(
                service: runner,
                successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup),
        ]
        if handlesSignals {
            let signals = await UnixSignalsSequence(trapping: .sighup)
            services.append(
                .init(service: HangupService(signals: signals, table: table, logger: logger)))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services,
                gracefulShutdownSignals: handlesSignals ? [.sigterm, .sigint] : [],
                logger: logger))
        do {
            try await group.run()
        } catch let error as PipelineError {
            throw .pipeline(error)
        } catch let error as DaemonError {
            throw error
        } catch {
            throw .unexpected("\(error)")
        }
    }
}

extension DaemonService {
    private func makeReloader(_ settings: LiveSettings) -> Reloader? {
        source.map {
            Reloader(
                source: $0, running: configuration, settings: settings,
                snapshots: pipeline.service, serviceManager: serviceManager, clock: host.clock,
                logger: logger)
        }
    }
}

/// Runs the pipeline; a shutdown of the group drains it.
private struct PipelineService: Service {
    let pipeline: AssembledPipeline
    let serviceManager: ServiceManager
    let restoresSignals: Bool
    let logger: Logger

    func run() async throws {
        let (shutdowns, shutdown) = AsyncStream<Void>.makeStream()
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in shutdowns { try await self.drain() }
                }
                defer { shutdown.finish() }
                try await pipeline.run()
                serviceManager.send(.stopping)
            }
        } onGracefulShutdown: {
            shutdown.yield()
            shutdown.finish()
        }
    }

    private func drain() async throws {
        logger.notice("draining: finishing what is read, then committing")
        serviceManager.send(.stopping, .status("Draining"))
        if restoresSignals { Signals.restoreTermination() }
        do throws(PipelineError) { try await pipeline.service.drain() } catch .stopping {
            // Somebody asked over the socket already.
        }
    }
}

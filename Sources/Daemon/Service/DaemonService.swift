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

    package init(
        configuration: Configuration, pipeline: AssembledPipeline, host: Host,
        serviceManager: ServiceManager, logger: Logger
    ) {
        self.configuration = configuration
        self.pipeline = pipeline
        self.host = host
        self.serviceManager = serviceManager
        self.logger = logger
    }

    /// Runs until drained by a signal or by `drain`; nothing is left behind when it throws.
    ///
    /// `handlesSignals` is false in tests, which share their process.
    package func run(handlesSignals: Bool = true) async throws(DaemonError) {
        let policy = try AccessPolicy(configuration.control)
        let table = MethodTable(
            service: pipeline.service, names: pipeline.names,
            profileBatch: configuration.control.profileBatch, clock: host.clock)
        let server = try ControlServer(
            configuration: configuration, policy: policy, table: table, logger: logger,
            passed: serviceManager.passedSockets)
        let reporter = StatusReporter(
            service: pipeline.service, serviceManager: serviceManager, clock: host.clock,
            logger: logger)
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
        let group = ServiceGroup(
            configuration: .init(
                services: files.map { .init(service: $0) } + [
                    .init(service: reporter), .init(service: server),
                    .init(
                        service: runner,
                        successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup),
                ],
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

import Pipeline
import Snapshots

/// A pipeline ready to run, as `makePipeline` in the `ubpd` target puts it together.
package struct AssembledPipeline: Sendable {
    /// What the control plane asks; answers from the moment `run` has recovered.
    package var service: any ProfileService
    /// How users that are no numbers are found and shown.
    package var names: any UserNames
    /// Where the control plane enters what was changed; nil leaves no trace, as a test may want it.
    package var registry: Registry?
    /// Recovers, follows the log, and returns when `service.drain()` has finished; throws a
    /// `PipelineError` when the pipeline cannot go on.
    package var run: @Sendable () async throws -> Void

    package init(
        service: any ProfileService, names: any UserNames = NumbersOnly(),
        registry: Registry? = nil, run: @escaping @Sendable () async throws -> Void
    ) {
        self.service = service
        self.names = names
        self.registry = registry
        self.run = run
    }
}

import Pipeline

/// A pipeline ready to run, as `makePipeline` in the `ubpd` target puts it together.
package struct AssembledPipeline: Sendable {
    /// What the control plane asks; answers from the moment `run` has recovered.
    package var service: any ProfileService
    /// How users that are no numbers are found and shown.
    package var names: any UserNames
    /// Recovers, follows the log, and returns when `service.drain()` has finished; throws a
    /// `PipelineError` when the pipeline cannot go on.
    package var run: @Sendable () async throws -> Void

    package init(
        service: any ProfileService, names: any UserNames = NumbersOnly(),
        run: @escaping @Sendable () async throws -> Void
    ) {
        self.service = service
        self.names = names
        self.run = run
    }
}

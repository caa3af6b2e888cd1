import Daemon
import Logging
import Pipeline
import Storage

/// The machine's files, clocks and randomness.
func makeHost() -> Host {
    Host.real
}

/// Puts the pipeline together that `ubpd run` serves; nothing is read before its `run`.
func makePipeline(
    configuration: Configuration, host: Host, logger: Logger
) throws(PipelineError) -> AssembledPipeline {
    throw .state("this build has no pipeline yet")
}

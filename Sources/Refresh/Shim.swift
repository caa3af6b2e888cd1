import Encoders
import Features
import Kernels
import Learning
import Pipeline
import Storage

extension RefreshOptions {
    var memoryByteCount: Int64 {
        get { 0 }
        set {}
    }
}
extension Int { var rawValue: Int { self } }
extension StatisticsPasses {
    init(
        host: Host, options: RefreshOptions, window: FitWindow, space: FrozenStatistics?,
        step: @escaping (Int, LogMeter.Reading) -> Void
    ) {
        self.init(host: host, options: options, window: window, step: step)
    }
}
package struct HeadTraining: Sendable {
    package struct Options: Sendable {
        package var memoryByteCount: Int64 = 1 << 30
        package var spillPath: String?
        package var level = InstructionLevel.best
        package init(_ training: NetworkTraining.Options) {}
    }
    package enum Progress: Sendable {
        case encoding(done: Int, count: Int, secondsLeft: Double?)
        case training(TrainingProgress)
    }
    package init(host: Host, examples: ExampleFile, options: Options) {}
    package func train(
        _ name: EncoderName, encoder: [NamedTensor], heads: [NamedTensor] = [],
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws(LearningError) -> (tensors: [NamedTensor], result: TrainingResult) {
        throw .noExamples(network: "")
    }
}

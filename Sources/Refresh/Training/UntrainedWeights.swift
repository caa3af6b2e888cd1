import Encoders
import Features
import Learning
import Storage

/// Seeded weights of a space's networks, of the published sizes, as training begins with.
enum UntrainedWeights {
    /// The tensors of the networks that a refresh trains; same seed, same bytes.
    ///
    /// - Parameters:
    ///   - seed: each network draws from a stream of its own.
    ///   - vocabulary: of the space.
    ///   - targets: of the space; an empty list takes one output that is never wanted.
    /// - Returns: tensors under PyTorch's names, as published.
    static func tensors(
        seed: UInt64, vocabulary: RowVocabulary, targets: TargetLists
    ) -> [EncoderName: [NamedTensor]] {
        var tensors: [EncoderName: [NamedTensor]] = [:]
        for name in EncoderName.trained {
            let layout = layout(name, vocabulary, targets)
            let weights = layout.initialWeights(seed: SeededRandom.mix(seed &+ name.stream))
            tensors[name] = layout.tensors(weights).map(\.published)
        }
        return tensors
    }

    private static func layout(
        _ name: EncoderName, _ vocabulary: RowVocabulary, _ targets: TargetLists
    ) -> ParameterLayout {
        switch name {
        case .sra, .previousSRA: SRANetwork<Float>(.sra).layout
        case .fip: SRANetwork<Float>(.fip).layout
        case .mtl, .previousMTL: MTLNetwork<Float>(.mtl.sized(for: targets)).layout
        case .mtlPropensity: MTLNetwork<Float>(.propensity.sized(for: targets)).layout
        case .mtlChurn: MTLNetwork<Float>(.churn.sized(for: targets)).layout
        case .esa: ESANetwork<Float>(ESAConfiguration(vocabulary)).layout
        }
    }
}

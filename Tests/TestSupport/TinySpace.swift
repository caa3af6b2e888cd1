import Encoders
import Features
import Kernels
import Learning
import Profiles
import Storage

/// A space with every network, each of a small size of its own, and factors of a generation.
package enum TinySpace {
    /// Of made-up statistics (`FrozenStatistics.lively`): more targets than have factors.
    package static let statistics = FrozenStatistics.lively(
        keyCount: 30, topItems: [1, 3, 5, 7, 9], topCategories: [2, 4])
    package static let vocabulary = RowVocabulary(statistics)
    package static let targets = TargetLists(statistics)

    /// Seeded weights of all encoders, or of some.
    package static func encoders(
        _ names: [EncoderName] = EncoderName.allCases, seed: UInt64 = 5
    ) -> [EncoderName: [NamedTensor]] {
        var encoders: [EncoderName: [NamedTensor]] = [:]
        for name in names { encoders[name] = tensors(layout(name), seed, name) }
        return encoders
    }

    /// The space of these encoders, after a space whose networks did not read END.
    package static func space(_ names: [EncoderName] = EncoderName.allCases) -> SpaceFiles {
        SpaceFiles(vocabulary: vocabulary, targets: targets, encoders: encoders(names))
    }

    /// Factors of some items and categories, and other heads for one encoder.
    package static func generation() -> GenerationFiles {
        let heads = (encoders([.mtlPropensity], seed: 6)[.mtlPropensity] ?? []).filter {
            $0.name.hasPrefix("item.") || $0.name.hasPrefix("category.")
        }
        return GenerationFiles(
            itemFactors: factors(Array(0..<25), .item, seed: 1),
            categoryFactors: factors([1, 2, 3, 5, 8, 13, 21, 29], .category, seed: 2),
            heads: [.mtlPropensity: heads])
    }

    /// Seeded factors of width 6.
    package static func factors(
        _ ids: [Int64], _ weights: BPRWeights, seed: UInt64
    ) -> BPRFactors {
        let options = BPROptions(
            factorCount: 6, rate: 0.05, regularization: 0.01, epochCount: 30)
        let items = Matrix<Float>(
            rows: ids.count, columns: BPRKernels.rowWidth(factorCount: options.factorCount))
        var random = SeededRandom(seed: seed, stream: 0)
        for item in ids.indices {
            for column in 0...options.factorCount {
                items[item, column] = Float(random.nextUnit() - 0.5)
            }
        }
        return BPRFactors(
            ids: ids, items: items, popularity: ids.indices.map { Int32(40 - $0) },
            options: options, weights: weights)
    }

    private static func tensors(
        _ layout: ParameterLayout, _ seed: UInt64, _ name: EncoderName
    ) -> [NamedTensor] {
        let stream = UInt64(EncoderName.allCases.firstIndex(of: name) ?? 0)
        return layout.tensors(layout.initialWeights(seed: SeededRandom.mix(seed &+ stream)))
    }

    private static func layout(_ name: EncoderName) -> ParameterLayout {
        switch name {
        case .sra: SRANetwork<Float>(sra(hidden: 24, latent: 10)).layout
        case .previousSRA: SRANetwork<Float>(sra(hidden: 20, latent: 10)).layout
        case .fip: SRANetwork<Float>(sra(hidden: 12, latent: 7)).layout
        case .mtl: MTLNetwork<Float>(mtl([16], latent: 9)).layout
        case .previousMTL: MTLNetwork<Float>(mtl([8, 6, 8], latent: 9)).layout
        case .mtlPropensity: MTLNetwork<Float>(mtl([10, 12], latent: 6)).layout
        case .mtlChurn: MTLNetwork<Float>(mtl([4], latent: 3)).layout
        case .esa: ESANetwork<Float>(esa).layout
        }
    }

    private static func sra(hidden: Int, latent: Int) -> SRAConfiguration {
        var configuration = SRAConfiguration.sra
        configuration.hiddenWidth = hidden
        configuration.latentWidth = latent
        return configuration
    }

    private static func mtl(_ widths: [Int], latent: Int) -> MTLConfiguration {
        var configuration = MTLConfiguration.mtl.sized(for: targets)
        configuration.encoderWidths = widths
        configuration.forwardWidth = 14
        configuration.residualWidth = 11
        configuration.latentWidth = latent
        configuration.headWidths = [7, 5]
        return configuration
    }

    private static var esa: ESAConfiguration {
        var configuration = ESAConfiguration(vocabulary)
        configuration.embeddingWidth = 10
        configuration.hiddenWidth = 18
        configuration.itemCount = vocabulary.items.count + 1
        configuration.urlCount = vocabulary.urls.count + 1
        return configuration
    }
}

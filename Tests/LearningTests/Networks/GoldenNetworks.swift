import Features
import Glibc
import Kernels
import Learning
import Storage
import TestSupport

/// The networks and users of Tests/Golden/make_network_goldens.py, by the same formulas.
enum GoldenNetworks {
    static let lengths = [3, 1, 4, 2, 4]
    static let futures = [2, 0, 3, 1, 0]

    static func sra<S: TrainingScalar>(_: S.Type, target: SRAConfiguration) -> SRANetwork<S> {
        var configuration = target
        configuration.hiddenWidth = 10
        configuration.latentWidth = 6
        return SRANetwork(configuration)
    }

    static func mtl<S: TrainingScalar>(
        _: S.Type, encoderWidths: [Int] = [8], latentWidth: Int = 6,
        taskWeights: [Double] = [0.3, 0.35, 0.35]
    ) -> MTLNetwork<S> {
        var configuration = MTLConfiguration.mtl
        configuration.encoderWidths = encoderWidths
        configuration.forwardWidth = 12
        configuration.residualWidth = 14
        configuration.latentWidth = latentWidth
        configuration.headWidths = [10, 9]
        configuration.categoryCount = 5
        configuration.itemCount = 4
        configuration.taskWeights = taskWeights
        return MTLNetwork(configuration)
    }

    static func esa<S: TrainingScalar>(_: S.Type) -> ESANetwork<S> {
        var configuration = ESAConfiguration(categoryCount: 6)
        configuration.embeddingWidth = 7
        configuration.hiddenWidth = 9
        configuration.priceCount = 5
        configuration.itemCount = 11
        configuration.urlCount = 8
        configuration.gapCount = 10
        return ESANetwork(configuration)
    }

    /// Five users: rows, futures, tokens, labels.
    static let examples: [TrainingExample] = lengths.indices.map { u in
        TrainingExample(
            rows: (0..<lengths[u]).flatMap { row(u, $0) },
            futureRows: (0..<futures[u]).flatMap { row(u, 20 + $0) },
            tokens: (0..<lengths[u]).map { token(u, $0) }, endBucket: UInt8((u + 1) % 10),
            labels: TaskLabels(
                churned: u % 2 == 1,
                categories: (0..<5).filter { (u + $0) % 3 == 0 }.map { UInt8($0) },
                items: (0..<4).filter { u * $0 % 4 == 1 }.map { UInt8($0) }))
    }

    private static func row(_ u: Int, _ t: Int) -> [UInt16] {
        (0..<RowLayout.width).map { j in
            switch j {
            case 0..<5: halfBits(j == (u + t) % 5 ? 1 : 0)
            case 61...: 0
            default:
                halfBits(
                    Float(
                        sin(
                            0.7 * Double(u) + 0.31 * Double(t) + 0.13 * Double(j)
                                + 0.5 * Double(u) * Double(t))))
            }
        }
    }

    private static func token(_ u: Int, _ t: Int) -> RowToken {
        let kind = (u + 2 * t) % 5
        let isProduct = kind < 3
        return RowToken(
            type: Int32(kind), category: isProduct ? Int32((u + t) % 6) : -1,
            price: isProduct ? Int32((2 * u + t) % 5) : -1,
            item: isProduct ? Int32((3 * u + 5 * t) % 11) : -1,
            url: kind == 3 ? Int32((u + 3 * t) % 8) : -1, weekday: Int32((u + t) % 7),
            gap: Int32((2 * u + 3 * t) % 10))
    }
}

/// Tests/Golden/network_goldens.safetensors: Float64 numbers by name.
struct NetworkGoldens {
    private let byName: [String: (shape: [Int], values: [Double])]

    init() throws {
        let file = try SafetensorsFile.read(
            goldenPath("network_goldens.safetensors"), on: RealDisk())
        var byName: [String: (shape: [Int], values: [Double])] = [:]
        for tensor in file.tensors {
            // safetensors here has no Float64; the file holds its bit patterns.
            guard case .int64(let bits) = tensor.values else { continue }
            byName[tensor.name] = (
                tensor.shape, bits.map { Double(bitPattern: UInt64(bitPattern: $0)) }
            )
        }
        self.byName = byName
    }

    func values(_ name: String) -> [Double] { byName[name]?.values ?? [] }

    func shape(_ name: String) -> [Int] { byName[name]?.shape ?? [] }

    /// Names of a network's gradients, without its own.
    func gradientNames(_ network: String) -> Set<String> {
        let prefix = "\(network).gradients."
        return Set(
            byName.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) })
    }
}

import Encoders
import Features
import Learning
import Storage

/// What a generation freezes beside its tables of statistics, and where that lies.
///
/// `factors/items.safetensors` and `factors/categories.safetensors` hold BPR's frozen factors;
/// `heads/<encoder>.safetensors` the tensors of a multi-task encoder's heads, which take the place
/// of those the space's encoder came with.
package struct GenerationFiles: Sendable {
    /// nil when nothing was bought or added that factors could be trained on.
    package var itemFactors: BPRFactors?
    package var categoryFactors: BPRFactors?
    /// `churn.0.weight` … of the encoders in `EncoderName.multiTask` whose heads were refitted.
    package var heads: [EncoderName: [NamedTensor]]

    /// The contents of a generation.
    package init(
        itemFactors: BPRFactors?, categoryFactors: BPRFactors?,
        heads: [EncoderName: [NamedTensor]] = [:]
    ) {
        self.itemFactors = itemFactors
        self.categoryFactors = categoryFactors
        self.heads = heads
    }

    private static let itemsPath = "factors/items.safetensors"
    private static let categoriesPath = "factors/categories.safetensors"

    private static func path(heads encoder: EncoderName) -> String {
        "heads/\(encoder.rawValue).safetensors"
    }

    /// The files by path below the generation's directory, to be published with those of
    /// `StatisticsFiles.generationFiles`.
    package func encoded() throws(FeatureError) -> [String: [UInt8]] {
        do {
            var files: [String: [UInt8]] = [:]
            files[Self.itemsPath] = try itemFactors?.file().encoded()
            files[Self.categoriesPath] = try categoryFactors?.file().encoded()
            for (name, tensors) in heads {
                files[Self.path(heads: name)] = try SafetensorsFile(tensors).encoded()
            }
            return files
        } catch {
            throw .unwritable("\(error)")
        }
    }

    /// Reads what `encoded` gave from a generation's directory; what has no file is absent.
    package init(generation: String, on disk: any Disk) throws(FeatureError) {
        do {
            func file(_ path: String) throws -> SafetensorsFile? {
                guard try disk.status("\(generation)/\(path)") != nil else { return nil }
                return try SafetensorsFile.read("\(generation)/\(path)", on: disk)
            }
            itemFactors = try file(Self.itemsPath).map { try BPRFactors($0) }
            categoryFactors = try file(Self.categoriesPath).map { try BPRFactors($0) }
            heads = [:]
            for name in EncoderName.multiTask {
                heads[name] = try file(Self.path(heads: name))?.floats()
            }
        } catch {
            throw .unreadable(path: generation, reason: "\(error)")
        }
    }
}

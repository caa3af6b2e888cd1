import Encoders
import Features
import Kernels
import Profiles
import Snapshots
import Storage

/// A generation loaded for folding and reading: its frozen statistics, its fold, its encoder.
package struct LiveGeneration: Sendable {
    /// 0 is built in: no encoder, nothing known of the shop.
    package let id: Int64
    package let space: Int64
    package let trained: Bool
    package let reducer: Reducer
    /// nil for generation 0.
    package let encoder: SRAEncoder?
    /// Where its `state.sqlite` lives.
    package var directory: String

    /// Generation 0, with the configured fold.
    package static func builtIn(fold: FoldOptions, stateDirectory: String) -> LiveGeneration {
        LiveGeneration(
            id: 0, space: 0, trained: false,
            reducer: Reducer(statistics: .empty, options: fold), encoder: nil,
            directory: "\(stateDirectory)/generations/0")
    }

    /// Loads a published generation, whose files have been verified.
    package static func load(
        _ published: PublishedGeneration, level: InstructionLevel, on disk: any Disk
    ) throws(PipelineError) -> LiveGeneration {
        guard let fold = FoldOptions(numbers: published.manifest.numbers) else {
            throw .state(
                "generation \(published.manifest.id): its manifest names no fold; make it again "
                    + "with `ubpd refresh`")
        }
        do {
            let statistics = try StatisticsFiles.read(
                space: published.space.path, generation: published.path, on: disk)
            let tensors = try SafetensorsFile.read(
                "\(published.space.path)/encoders/sra.safetensors", on: disk
            ).floats()
            let encoder = try SRAEncoder(tensors: tensors, level: level)
            guard encoder.inputWidth == RowLayout.width else {
                throw PipelineError.state(
                    "space \(published.space.manifest.id): its encoder reads rows of width "
                        + "\(encoder.inputWidth), this version makes \(RowLayout.width)")
            }
            return LiveGeneration(
                id: published.manifest.id, space: published.manifest.space,
                trained: published.manifest.trained,
                reducer: Reducer(statistics: statistics, options: fold), encoder: encoder,
                directory: published.path)
        } catch let error as PipelineError {
            throw error
        } catch {
            throw .state("generation \(published.manifest.id): \(error)")
        }
    }

    /// A builder of this generation's profiles.
    package func makeBuilder() -> ProfileBuilder {
        ProfileBuilder(reducer: reducer, encoder: encoder)
    }
}

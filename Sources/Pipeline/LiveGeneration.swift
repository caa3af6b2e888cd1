import Encoders
import Features
import Kernels
import Profiles
import Snapshots
import Storage

/// A generation loaded for folding and reading: its frozen statistics, its fold, its networks.
package struct LiveGeneration: Sendable {
    /// 0 is built in: no encoder, nothing known of the shop.
    package let id: Int64
    package let space: Int64
    package let trained: Bool
    /// What folds its users' events and makes their profiles.
    package let model: ProfileModel
    /// Where its `state.sqlite` lives.
    package var directory: String

    /// The fold.
    package var reducer: Reducer { model.reducer }

    /// Generation 0, with the configured fold.
    package static func builtIn(fold: FoldOptions, stateDirectory: String) -> LiveGeneration {
        LiveGeneration(
            id: 0, space: 0, trained: false, model: .builtIn(fold: fold),
            directory: "\(stateDirectory)/generations/0")
    }

    /// Loads a published generation, whose files have been verified.
    ///
    /// - Parameters:
    ///   - published: the generation.
    ///   - hybrid: which parts of its profile are served; no state depends on it.
    ///   - level: a level this machine supports.
    ///   - disk: where it lies.
    /// - Returns: the generation, ready to fold.
    /// - Throws: what is missing, unreadable or of another space.
    package static func load(
        _ published: PublishedGeneration, hybrid: Hybrid = .extended, level: InstructionLevel,
        on disk: any Disk
    ) throws(PipelineError) -> LiveGeneration {
        guard let fold = FoldOptions(numbers: published.manifest.numbers) else {
            throw .state(
                "generation \(published.manifest.id): its manifest names no fold; make it again "
                    + "with `ubpd refresh`")
        }
        do {
            let model = try ProfileModel(
                statistics: try StatisticsFiles.read(
                    space: published.space.path, generation: published.path, on: disk),
                fold: fold, space: try SpaceFiles(space: published.space.path, on: disk),
                generation: try GenerationFiles(generation: published.path, on: disk),
                hybrid: hybrid, level: level)
            return LiveGeneration(
                id: published.manifest.id, space: published.manifest.space,
                trained: published.manifest.trained, model: model, directory: published.path)
        } catch {
            throw .state("generation \(published.manifest.id): \(error)")
        }
    }

    /// A builder of this generation's profiles.
    package func makeBuilder() -> ProfileBuilder { ProfileBuilder(model: model) }
}

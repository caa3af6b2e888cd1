import Encoders
import Features
import Kernels
import Learning
import Storage

/// All that turns a user's state into a profile: a space and a generation, loaded.
package struct ProfileModel: Sendable {
    /// The generation's statistics, and the fold.
    package let reducer: Reducer
    /// Of the space.
    package let targets: TargetLists
    /// Parts in `ProfilePart`'s order, their widths from the networks.
    package let layout: ProfileLayout
    /// The space's encoders, with the generation's heads.
    package let bank: EncoderBank
    /// The multi-task encoders that read END after a user's rows.
    package let endRowNetworks: Set<EncoderName>
    /// The served parts, as in `layout`.
    package let parts: [ProfilePart]
    let itemScores: TargetScores
    let categoryScores: TargetScores
    /// Of the space; empty in one whose columns are served as they are.
    let scaling: ColumnScaling

    /// N: the rows that the multi-task encoders read.
    package var rowWindow: Int { bank.rowWindow }

    /// The model of a generation.
    ///
    /// A part is there when the space has its encoder; BPR's are when the space predicts targets,
    /// whether or not this generation has factors, so that columns stay where they are from
    /// generation to generation.
    ///
    /// - Parameters:
    ///   - statistics: of the generation.
    ///   - fold: how events become rows; its `rowWindow` is N.
    ///   - space: encoders, vocabulary and target lists.
    ///   - generation: factors, and heads that take the place of those in the space's encoders.
    ///   - hybrid: which parts are served.
    ///   - level: a level this machine supports.
    /// - Throws: the first tensor that fits no network, or not the space.
    package init(
        statistics: FrozenStatistics, fold: FoldOptions, space: SpaceFiles,
        generation: GenerationFiles, hybrid: Hybrid, level: InstructionLevel
    ) throws(EncoderError) {
        var tensors = space.encoders
        for name in EncoderName.multiTask {
            guard let heads = generation.heads[name] else { continue }
            tensors[name] = Self.replacing(heads, in: tensors[name] ?? [])
        }
        for name in EncoderName.multiTask {
            try Self.checkHeads(tensors[name] ?? [], space.targets)
        }
        let bank = try EncoderBank(
            tensors: tensors, vocabulary: space.vocabulary, rowWindow: fold.rowWindow, level: level)
        try Self.checkBlend(bank)
        self.init(
            reducer: Reducer(statistics: statistics, options: fold), targets: space.targets,
            bank: bank, endRowNetworks: space.endRowNetworks, generation: generation,
            hybrid: hybrid, scaling: space.scaling ?? ColumnScaling([:]))
        guard let misfit = scaling.misfit(layout) else { return }
        throw .wrongShape(
            name: "\(misfit.part.rawValue).centre in \(ColumnScaling.path)", shape: [misfit.width],
            wanted: [misfit.wanted])
    }

    /// Generation 0: the stats part alone.
    package static func builtIn(fold: FoldOptions) -> ProfileModel {
        ProfileModel(
            reducer: Reducer(statistics: .empty, options: fold),
            targets: TargetLists(categories: [], items: []),
            bank: EncoderBank(rowWindow: fold.rowWindow), endRowNetworks: [],
            generation: GenerationFiles(itemFactors: nil, categoryFactors: nil), hybrid: .extended,
            scaling: ColumnScaling([:]))
    }

    private init(
        reducer: Reducer, targets: TargetLists, bank: EncoderBank,
        endRowNetworks: Set<EncoderName>, generation: GenerationFiles, hybrid: Hybrid,
        scaling: ColumnScaling
    ) {
        self.reducer = reducer
        self.targets = targets
        self.bank = bank
        self.endRowNetworks = endRowNetworks
        self.scaling = scaling
        itemScores = TargetScores(generation.itemFactors, targets.items)
        categoryScores = TargetScores(generation.categoryFactors, targets.categories)
        var widths: [(part: ProfilePart, width: Int)] = []
        for part in ProfilePart.allCases {
            guard let width = Self.width(of: part, bank, targets) else { continue }
            if part.isPublished || hybrid == .extended { widths.append((part, width)) }
        }
        // A profile is never empty: without a published part it is generation 0's.
        if widths.isEmpty { widths = [(.stats, StatsPart.width)] }
        parts = widths.map(\.part)
        layout = ProfileLayout(widths.map { (name: $0.part.rawValue, width: $0.width) })
    }

    /// Columns of a part; nil when the space has none.
    private static func width(
        of part: ProfilePart, _ bank: EncoderBank, _ targets: TargetLists
    ) -> Int? {
        switch part {
        case .sra: bank.rowEncoder(.sra)?.latentWidth
        case .fip: bank.rowEncoder(.fip)?.latentWidth
        case .mtl: bank.multiTaskEncoder(.mtl)?.latentWidth
        case .mtlPropensity: bank.multiTaskEncoder(.mtlPropensity)?.latentWidth
        case .mtlChurn: bank.multiTaskEncoder(.mtlChurn)?.latentWidth
        case .bprItems, .bprCategories:
            EncoderName.multiTask.contains { bank.multiTaskEncoder($0) != nil }
                || !targets.items.isEmpty || !targets.categories.isEmpty ? TargetLists.limit : nil
        case .esa: bank.tokenEncoder?.hiddenWidth
        case .stats: StatsPart.width
        }
    }

    /// `tensors` with those of the same names as `heads` replaced; a foreign one is added, for the
    /// encoder to refuse.
    private static func replacing(
        _ heads: [NamedTensor], in tensors: [NamedTensor]
    ) -> [NamedTensor] {
        let names = Set(heads.map(\.name))
        return tensors.filter { !names.contains($0.name) } + heads
    }

    /// Throws unless there is an output for each target; an empty list takes one that is not read.
    private static func checkHeads(
        _ tensors: [NamedTensor], _ targets: TargetLists
    ) throws(EncoderError) {
        let wanted = [
            ("category.6.weight", targets.categories.count),
            ("item.6.weight", targets.items.count),
        ]
        for (name, count) in wanted {
            guard let tensor = tensors.first(where: { $0.name == name }) else { continue }
            guard let outputs = tensor.shape.first, outputs >= count else {
                throw .wrongShape(
                    name: name, shape: tensor.shape, wanted: [count] + tensor.shape.dropFirst())
            }
        }
    }

    /// Throws unless the encoders of two spaces that are blended have latent vectors of one width.
    private static func checkBlend(_ bank: EncoderBank) throws(EncoderError) {
        let pairs = [
            (bank.rowEncoder(.sra)?.latentWidth, bank.rowEncoder(.previousSRA)?.latentWidth),
            (
                bank.multiTaskEncoder(.mtl)?.latentWidth,
                bank.multiTaskEncoder(.previousMTL)?.latentWidth
            ),
        ]
        for (own, previous) in pairs {
            guard let own, let previous, own != previous else { continue }
            throw .wrongShape(
                name: "latent.weight of the previous space", shape: [previous, -1],
                wanted: [own, -1])
        }
    }
}

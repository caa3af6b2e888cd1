import Features
import Kernels
import Storage

/// The encoders of a space, and where each one's part of a user's hidden state lies.
///
/// SRA, FIP, ESA and the previous space's SRA are stepped over every row. The multi-task networks
/// read a user's last N rows anew at every read, and go on from their state before the oldest of
/// them; so they trail, N rows behind. A user's hidden state is `[S]`: the stepped encoders' states
/// side by side, then the trailing ones', each in the order of `steppedNames` and `trailingNames`.
/// At `steppedCount` s, the former have read rows 0..<s and the latter rows 0..<max(0, s − N).
package struct EncoderBank: Sendable {
    /// The order of the stepped encoders' states.
    package static let steppedNames: [EncoderName] = [.sra, .fip, .esa, .previousSRA]
    /// The order of the trailing encoders' states.
    package static let trailingNames: [EncoderName] = [
        .mtl, .mtlPropensity, .mtlChurn, .previousMTL,
    ]

    /// What reads every row.
    enum Stepped: Sendable {
        case rows(SRAEncoder)
        case tokens(ESAEncoder)

        var hiddenWidth: Int {
            switch self {
            case .rows(let encoder): encoder.hiddenWidth
            case .tokens(let encoder): encoder.hiddenWidth
            }
        }
    }

    /// An encoder, and the columns of a user's hidden state that are its own.
    struct Member<Encoder: Sendable>: Sendable {
        let name: EncoderName
        let encoder: Encoder
        let columns: Range<Int>
    }

    /// N ≥ 1: the rows that the trailing encoders read anew.
    package let rowWindow: Int
    /// Numbers what ESA reads.
    package let vocabulary: RowVocabulary
    /// S.
    package let stateWidth: Int
    let stepped: [Member<Stepped>]
    let trailing: [Member<MTLEncoder>]

    /// Builds the encoders that have tensors.
    ///
    /// - Parameters:
    ///   - tensors: under PyTorch's names; what is missing is no part of the bank.
    ///   - vocabulary: of the space.
    ///   - rowWindow: N ≥ 1.
    ///   - level: a level this machine supports.
    /// - Throws: the first tensor, in the order of the names, that does not fit; all encoders must
    ///   read rows of width 64, and ESA's tables must hold the vocabulary's numbers.
    package init(
        tensors: [EncoderName: [NamedTensor]], vocabulary: RowVocabulary, rowWindow: Int,
        level: InstructionLevel
    ) throws(EncoderError) {
        precondition(rowWindow >= 1, "EncoderBank: N = \(rowWindow)")
        self.rowWindow = rowWindow
        self.vocabulary = vocabulary
        var width = 0
        var stepped: [Member<Stepped>] = []
        for name in Self.steppedNames {
            guard let weights = tensors[name] else { continue }
            let encoder = try Self.stepped(name, weights, vocabulary, level)
            let columns = width..<width + encoder.hiddenWidth
            stepped.append(Member(name: name, encoder: encoder, columns: columns))
            width = columns.upperBound
        }
        var trailing: [Member<MTLEncoder>] = []
        for name in Self.trailingNames {
            guard let weights = tensors[name] else { continue }
            let encoder = try MTLEncoder(tensors: weights, level: level)
            try Self.checkRows(encoder.inputWidth, "encoder.0.weight_ih_l0")
            let columns = width..<width + encoder.stateWidth
            trailing.append(Member(name: name, encoder: encoder, columns: columns))
            width = columns.upperBound
        }
        self.stepped = stepped
        self.trailing = trailing
        stateWidth = width
    }

    /// A bank without an encoder, as generation 0 has.
    package init(rowWindow: Int) {
        self.rowWindow = rowWindow
        vocabulary = RowVocabulary(categories: [], items: [], urls: [])
        stateWidth = 0
        stepped = []
        trailing = []
    }

    /// Whether there is no encoder.
    package var isEmpty: Bool { stepped.isEmpty && trailing.isEmpty }

    /// SRA, FIP or the previous space's SRA.
    package func rowEncoder(_ name: EncoderName) -> SRAEncoder? {
        guard case .rows(let encoder)? = stepped.first(where: { $0.name == name })?.encoder else {
            return nil
        }
        return encoder
    }

    /// One of the multi-task encoders, the previous space's among them.
    package func multiTaskEncoder(_ name: EncoderName) -> MTLEncoder? {
        trailing.first { $0.name == name }?.encoder
    }

    /// ESA.
    package var tokenEncoder: ESAEncoder? {
        guard case .tokens(let encoder)? = stepped.first(where: { $0.name == .esa })?.encoder
        else { return nil }
        return encoder
    }

    /// Columns of a user's hidden state that are an encoder's; nil for one that is not there.
    package func columns(_ name: EncoderName) -> Range<Int>? {
        stepped.first { $0.name == name }?.columns ?? trailing.first { $0.name == name }?.columns
    }

    private static func stepped(
        _ name: EncoderName, _ tensors: [NamedTensor], _ vocabulary: RowVocabulary,
        _ level: InstructionLevel
    ) throws(EncoderError) -> Stepped {
        guard name == .esa else {
            let encoder = try SRAEncoder(tensors: tensors, level: level)
            try checkRows(encoder.inputWidth, "encoder.weight_ih_l0")
            return .rows(encoder)
        }
        let encoder = try ESAEncoder(tensors: tensors, level: level)
        for field in ESAField.allCases {
            let wanted = field.valueCount(vocabulary)
            let count = encoder.valueCounts[field.rawValue]
            guard count >= wanted else {
                throw .wrongShape(
                    name: "heads.\(field.name).weight", shape: [count, encoder.hiddenWidth],
                    wanted: [wanted, encoder.hiddenWidth])
            }
        }
        return .tokens(encoder)
    }

    private static func checkRows(_ width: Int, _ name: String) throws(EncoderError) {
        guard width == RowLayout.width else {
            throw .wrongShape(name: name, shape: [-1, width], wanted: [-1, RowLayout.width])
        }
    }
}

extension ESAField {
    /// Values that the rows of a space can have.
    fileprivate func valueCount(_ vocabulary: RowVocabulary) -> Int {
        switch self {
        case .kind: RowToken.rowTypes + 1
        case .category: vocabulary.categories.count + 1
        case .price: 100
        case .item: vocabulary.items.count + 1
        case .url: vocabulary.urls.count + 1
        case .weekday: 7
        case .gap: LogBuckets.count
        }
    }
}

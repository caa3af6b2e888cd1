/// The encoders that a space may have; each is a file `encoders/<name>.safetensors` of the space.
package enum EncoderName: String, Sendable, CaseIterable, Codable {
    case sra
    case fip
    case mtl
    case mtlPropensity = "mtl-propensity"
    case mtlChurn = "mtl-churn"
    case esa
    /// Those of the space before this one, with which SRA and MTL are regularised (DESIGN §5).
    case previousSRA = "previous-sra"
    case previousMTL = "previous-mtl"

    /// Those a refresh trains, in the order in which it does.
    package static let trained: [EncoderName] = [
        .sra, .fip, .mtl, .mtlPropensity, .mtlChurn, .esa,
    ]
    /// Those with heads for churn, categories and items.
    package static let multiTask: [EncoderName] = [.mtl, .mtlPropensity, .mtlChurn]
}

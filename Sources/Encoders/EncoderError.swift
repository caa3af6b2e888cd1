/// Why weights make no encoder; nothing has been built when one is thrown.
package enum EncoderError: Error, Equatable, CustomStringConvertible {
    case missingTensor(name: String)
    case unknownTensor(name: String)
    case duplicateTensor(name: String)
    case wrongShape(name: String, shape: [Int], wanted: [Int])
    case notFinite(name: String, index: Int)

    package var description: String {
        switch self {
        case .missingTensor(let name):
            "encoder: no tensor \(name); the file is not of this network, or was cut"
        case .unknownTensor(let name):
            "encoder: tensor \(name) belongs to no part of this network"
        case .duplicateTensor(let name):
            "encoder: tensor \(name) is given twice"
        case .wrongShape(let name, let shape, let wanted):
            "encoder: tensor \(name) has shape \(shape), \(wanted) wanted"
        case .notFinite(let name, let index):
            "encoder: tensor \(name) is not finite at element \(index); train it again"
        }
    }
}

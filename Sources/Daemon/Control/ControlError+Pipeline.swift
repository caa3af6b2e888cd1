import ControlProtocol
import Pipeline

extension ControlError {
    /// The refusal that a pipeline's error becomes on the wire.
    init(_ error: PipelineError) {
        let code: Code =
            switch error {
            case .tooManyUsers, .tooManyRecords: .tooLarge
            case .unknownSnapshot: .unknownSnapshot
            case .damagedSnapshot: .damagedSnapshot
            case .notExpected: .expectVersion
            case .held: .held
            case .notQuarantined: .unknownEntry
            case .inputsWaiting: .busy
            case .timedOut: .timedOut
            case .unknownGeneration, .damagedGeneration: .unknownGeneration
            case .refusedGeneration: .refusedGeneration
            case .notServed: .notServed
            case .noRefresh: .noRefresh
            case .superseded: .busy
            case .stopping: .stopping
            case .storage, .damagedState, .stateDirectoryInUse: .storage
            case .state, .otherLog: .state
            }
        // Descriptions say what is wrong, then, after the last semicolon, what to do.
        let text = error.description
        let parts = text.split(separator: "; ")
        guard parts.count > 1, let hint = parts.last else {
            self.init(code, text, hint: "look at `ubpctl status` and the daemon's journal")
            return
        }
        self.init(
            code, parts.dropLast().joined(separator: "; "), hint: String(hint))
    }
}

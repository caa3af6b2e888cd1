/// Every method of DESIGN §10, by its name on the wire.
package enum Method: String, Sendable, CaseIterable {
    case status
    case metrics
    case version
    case profileGet = "profile.get"
    case profileBatch = "profile.batch"
    case profilePredict = "profile.predict"
    case profileExplain = "profile.explain"
    case profileHistory = "profile.history"
    case profileWatch = "profile.watch"
    case snapshotCreate = "snapshot.create"
    case snapshotList = "snapshot.list"
    case snapshotShow = "snapshot.show"
    case snapshotRollback = "snapshot.rollback"
    case snapshotRelease = "snapshot.release"
    case snapshotPin = "snapshot.pin"
    case snapshotUnpin = "snapshot.unpin"
    case snapshotVerify = "snapshot.verify"
    case snapshotDiff = "snapshot.diff"
    case snapshotPrune = "snapshot.prune"
    case generationList = "generation.list"
    case generationShow = "generation.show"
    case generationActivate = "generation.activate"
    case spaceList = "space.list"
    case refreshStatus = "refresh.status"
    case refreshCancel = "refresh.cancel"
    case finetuneStart = "finetune.start"
    case finetuneStatus = "finetune.status"
    case headsList = "heads.list"
    case headsRollback = "heads.rollback"
    case factorsList = "factors.list"
    case factorsRollback = "factors.rollback"
    case userForget = "user.forget"
    case userExport = "user.export"
    case userSuppressions = "user.suppressions"
    case quarantineList = "quarantine.list"
    case quarantineShow = "quarantine.show"
    case quarantineReplay = "quarantine.replay"
    case checkpoint
    case reload
    case logLevel = "log.level"
    case auditList = "audit.list"
    case auditVerify = "audit.verify"
    case drain

    /// Whether it needs an operator: it changes something, or shows what users sent.
    package var needsOperator: Bool {
        switch self {
        case .snapshotCreate, .snapshotRollback, .snapshotRelease, .snapshotPin, .snapshotUnpin,
            .snapshotPrune, .generationActivate, .refreshCancel, .finetuneStart, .headsRollback,
            .factorsRollback, .userForget, .userExport, .userSuppressions, .quarantineList,
            .quarantineShow, .quarantineReplay, .checkpoint, .reload, .logLevel, .auditList,
            .auditVerify, .drain:
            true
        default: false
        }
    }

    /// Whether it changes something: then it takes guards and is entered into the audit.
    ///
    /// `log.level` changes something only with a `level`.
    package var isMutation: Bool {
        switch self {
        case .snapshotCreate, .snapshotRollback, .snapshotRelease, .snapshotPin, .snapshotUnpin,
            .snapshotPrune, .generationActivate, .refreshCancel, .finetuneStart, .headsRollback,
            .factorsRollback, .userForget, .quarantineReplay, .checkpoint, .reload, .logLevel,
            .drain:
            true
        default: false
        }
    }
}

import EventLog
import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct RegistryCopyingTests {
    @Test func `takes the inputs of a registry that another process writes, up to one`() throws {
        let root = try TemporaryDirectory()
        let (live, made) = (root.path + "/live", root.path + "/made")
        #expect(try Registry.summary(stateDirectory: live, on: RealDisk()) == Registry.Summary())
        let writer = try Registry(stateDirectory: live, on: RealDisk())
        #expect(try Registry.summary(stateDirectory: live, on: RealDisk()).lastInput == 0)
        for slice in 0..<30 as Range<Int64> {
            var contents: [(subject: String?, payload: [UInt8])] = []
            for number in 0..<20 as Range<Int64> {
                let subject = "0/" + String(20 * slice + number)
                contents.append((subject: subject, payload: [UInt8(slice), UInt8(number)]))
            }
            _ = try writer.addInputs(
                .replay, at: RecordPlace(segment: 1, recordIndex: slice), seconds: 5, above: 0,
                contents)
        }
        try writer.noteActivation(generation: 3, offset: 9, seconds: 8)
        let summary = try Registry.summary(stateDirectory: live, on: RealDisk())
        #expect(summary.lastInput == 600 && summary.activeGeneration == 3)
        let copy = try Registry(stateDirectory: made, on: RealDisk())
        // Twice, as after a kill.
        for last in [100, 599, 599] as [Int64] {
            try copy.copyInputs(from: live, upTo: last, on: RealDisk())
        }
        let inputs = try copy.inputs(after: 0)
        let all = try writer.inputs(after: 0)
        #expect(inputs == all.filter { $0.id <= 599 })
        for id in [1, 256, 257, 599] as [Int64] {
            #expect(try copy.inputPayload(id) == writer.inputPayload(id))
        }
        #expect(try copy.inputPayload(600) == nil)
    }
}

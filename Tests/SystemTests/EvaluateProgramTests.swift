import Storage
import TestSupport
import Testing

/// What `ubpd evaluate` says to options that cannot be.
@Suite struct EvaluateProgramTests {
    @Test(arguments: [
        (["--seeds", "0"], "--seeds wants 1…100"),
        (["--cutoff", "soon"], "--cutoff soon"),
        (["--tasks", "churn,sleep"], "'sleep' is none of churn"),
        (["--rows", "a=sra,,mtl"], "--rows 'a=sra,,mtl'"),
        (["--unchecked"], "--snapshot alone"),
        (["--snapshot", "x", "--generation", "1"], "choose one"),
        (["--snapshot", "x", "--two-spaces"], "train nothing"),
    ])
    func `names a bad option`(arguments: [String], complaint: String) async throws {
        let folder = try TemporaryDirectory()
        let child = try await Programs.ubpd(
            ["evaluate", "--log-dir", folder.path + "/log", "--state-dir", folder.path + "/state"]
                + arguments)
        #expect(child.status == 64 && child.error.contains(complaint), "\(child.error)")
        #expect(try RealDisk().status(folder.path + "/state") == nil)
    }

    @Test func `a log that is not there, or has nothing in it, is named`() async throws {
        let folder = try TemporaryDirectory()
        try RealDisk().makeDirectory(folder.path + "/log")
        let child = try await Programs.ubpd([
            "evaluate", "--log-dir", folder.path + "/log", "--state-dir", folder.path + "/state",
        ])
        #expect(child.status == 65 && child.error.contains("ubpd import"), "\(child.error)")
    }

    @Test func `a pair that does not say what it has seen is refused`() async throws {
        let folder = try TemporaryDirectory()
        let made = try await Child.run([
            "\(Programs.directory)/ubpd", "simulate", "--users", "200", "--days", "35", "--seed",
            "2", "--out", folder.path + "/shop",
        ]).successful()
        #expect(made.status == 0)
        _ = try await Child.python(
            """
            import sys, numpy
            numpy.save(sys.argv[1] + "/client_ids.npy", numpy.arange(200))
            numpy.save(sys.argv[1] + "/embeddings.npy", numpy.ones((200, 8), numpy.float16))
            """, [folder.path]
        ).successful()
        let child = try await Programs.ubpd([
            "evaluate", "--log-dir", folder.path + "/shop/log", "--state-dir",
            folder.path + "/state", "--snapshot", folder.path,
        ])
        #expect(child.status == 65 && child.error.contains("--unchecked"), "\(child.error)")
    }
}

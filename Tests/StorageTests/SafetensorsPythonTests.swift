import Storage
import TestSupport
import Testing

/// Python reads what this package writes.
@Suite struct SafetensorsPythonTests {
    @Test(.enabled { try await Child.python("import safetensors").status == 0 })
    func `is read by the reference library`() async throws {
        let directory = try TemporaryDirectory()
        let golden = try SafetensorsFile.read(
            goldenPath("sra_tiny.safetensors"), on: RealDisk())
        try golden.write(to: directory.path + "/ours", on: RealDisk())
        let check = ["python3", goldenPath("sra_safetensors.py"), "--check"]
        let ours = try await Child.run(check + [directory.path + "/ours"]).successful()
        let theirs = try await Child.run(check + [goldenPath("sra_tiny.safetensors")]).successful()
        #expect(ours.output == theirs.output)
        #expect(ours.output.contains(#""encoder.bias": {"dtype": "float32", "shape": [3]"#))
    }

    @Test func `is read by NumPy, whose own headers are the same bytes`() async throws {
        let directory = try TemporaryDirectory()
        let disk = RealDisk()
        let path = directory.path
        try save([1, 0, 0, 0, 0, 0, 0, 128], .int64(count: 1), "\(path)/ids.npy", disk)
        try save(
            [0, 0x3C, 0, 0xC0, 0, 0x38, 0, 0, 1, 0, 0xFF, 0x7B], .float16(rows: 3, columns: 2),
            "\(path)/rows.npy", disk)
        try save([], .float16(rows: 0, columns: 744), "\(path)/none.npy", disk)
        let script = """
            import sys, io, numpy as np
            for name in ("ids", "rows", "none"):
                path = f"{sys.argv[1]}/{name}.npy"
                array = np.load(path)
                again = io.BytesIO()
                np.save(again, array)
                same = again.getvalue() == open(path, "rb").read()
                print(name, array.dtype, array.shape, array.tolist(), same)
            """
        let printed = try await Child.python(script, [path])
        try #require(printed.status == 0, "this test needs python3 with numpy: \(printed.error)")
        #expect(
            printed.output == """
                ids int64 (1,) [-9223372036854775807] True
                rows float16 (3, 2) [[1.0, -2.0], [0.5, 0.0], [5.960464477539063e-08, 65504.0]] True
                none float16 (0, 744) [] True

                """)
    }

    private func save(
        _ bytes: [UInt8], _ header: NpyHeader, _ path: String, _ disk: RealDisk
    ) throws {
        let file = try disk.open(path, .create)
        try file.write(bytes, at: Int64(NpyHeader.byteCount))
        try file.write(header.encoded(), at: 0)
    }
}

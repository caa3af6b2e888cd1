import ControlProtocol
import Foundation
import TestSupport
import Testing

/// What the program makes of a daemon that answers something else than was asked.
@Suite struct UBPCtlAnswerTests {
    private static let program = URL(filePath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "ubpctl").path

    /// Answers the first request with the result in the second argument, and tells how it ended.
    private static let server = """
        import json, os, socket, subprocess, sys, tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            server = socket.socket(socket.AF_UNIX)
            server.settimeout(60)
            server.bind(path)
            server.listen()
            child = subprocess.Popen(
                [sys.argv[1], "--socket", path] + sys.argv[3:],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            peer, _ = server.accept()
            peer.makefile("rb").readline()
            peer.sendall(('{"jsonrpc":"2.0","id":1,"result":%s}\\n' % sys.argv[2]).encode())
            output, error = child.communicate()
            print(json.dumps([child.returncode, output, error]))
        """

    private static let cases: [(result: String, verb: [String], has: String)] = [
        ("5", ["status"], "its result is an integer, not an object"),
        ("{}", ["status"], "`state` is missing in its result"),
        ("{}", ["top"], "`state` is missing in its result"),
        (
            #"{"state":"live","counters":{},"lag":5,"daemon":{}}"#, ["status"],
            "`lag` is an integer, not an object"
        ),
        ("[]", ["snapshot", "list"], "its result is an array, not an object"),
        ("{}", ["snapshot", "release"], "`current` is missing in its result"),
        ("{}", ["drain"], "`drained` is missing in its result"),
    ]

    @Test(arguments: Self.cases)
    func `an answer that makes no sense is none`(
        result: String, verb: [String], has: String
    ) async throws {
        for options in [[], ["--json"]] {
            let arguments = [Self.program, result] + options + verb
            let child = try await Child.python(Self.server, arguments).successful()
            let told = try JSONParser.parse(Array(child.output.utf8)).elements ?? []
            #expect(told.first == 5 && told.count == 3, "\(told)")
            let text = told.dropFirst().compactMap(\.text).joined()
            #expect(text.contains("the daemon's answer makes no sense: \(has)"), "\(text)")
        }
    }
}

package testenv_test

import (
	"os"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

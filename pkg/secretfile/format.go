package secretfile

import "github.com/dbtether/kubectl-dbtether/pkg/secret"

// Format says how a file holds secrets.
type Format string

const (
	// Env is a .env file, in the grammar of github.com/joho/godotenv.
	Env Format = "env"
	// JSON is one flat object of keys and scalars.
	JSON Format = "json"
	// YAML is the same in YAML.
	YAML Format = "yaml"
	// Shell is a script of POSIX sh that exports variables. It is only written.
	Shell Format = "shell"
	// Docker is what docker's --env-file reads. It is only written.
	Docker Format = "docker"
	// Kubernetes is Secrets as manifests, in YAML or JSON.
	Kubernetes Format = "kubernetes"
	// OnePassword is what `op item get --format json` prints, or a .1pux export. It is
	// only read, as are those below.
	OnePassword Format = "1password"
	// AWS is what `aws secretsmanager get-secret-value` or batch-get-secret-value prints.
	AWS Format = "aws"
	// Doppler is what `doppler secrets download --format json` or `doppler secrets --json`
	// prints.
	Doppler Format = "doppler"
	// Vault is what `vault kv get -format=json` prints, of either version of the engine.
	Vault Format = "vault"
)

// WriteFormats returns the formats that Write takes.
func WriteFormats() []Format { return []Format{Env, JSON, YAML, Shell, Docker, Kubernetes} }

// ReadFormats returns the formats that Read takes.
func ReadFormats() []Format {
	return []Format{Env, JSON, YAML, Kubernetes, OnePassword, AWS, Doppler, Vault}
}

// Item is a Secret in a file.
type Item struct {
	Name string
	// Namespace, Type and Labels are empty where the file does not say.
	Namespace string
	Type      string
	Labels    map[string]string
	Data      secret.Data
}

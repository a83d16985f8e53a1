/** What stands in a new file, and a sample that runs on any Swarm that reaches Docker Hub. */

export const SAMPLE_NAME = 'hello'

/** Three web servers that are replaced without a gap, and go back by themselves when the new ones fail. */
export const SAMPLE = `services:
  web:
    image: nginx:1.27
    ports:
      - "8080:80"
    deploy:
      replicas: 3
      update_config:
        order: start-first
        failure_action: rollback
`

export const EMPTY_FILE = `services:
  `
